"""Data: bring in texts, see what was kept, and name the classes."""

from ui.data.adding import add_texts_form, is_adding
from ui.data.classes import classes_editor, save_and_go
from ui.data.new_project import new_project
from ui.data.overview import first_texts, overview
from ui.shell.errors import show_errors
from ui.shell.page import go_to, making_new_project, open_page

page = open_page(
    "Data",
    "Bring in the texts you want labelled, see what was kept and why, and name the classes they "
    "may belong to.",
)
with show_errors():
    if page.project is None or making_new_project():
        new_project(page.store, page.project)
    elif is_adding(page.project):
        add_texts_form(page.store, page.project)
    else:
        onward = overview(page.store, page.project)
        classes_editor(page.store, page.project)
        if onward and save_and_go(page.store, page.project):
            go_to("Teacher")
        first_texts(page.store, page.project)
