"""Who decided what: every label, exclusion, flag, note, class change and undo, by whom and when."""

from ui.history.table import history
from ui.shell.page import open_page

page = open_page(
    "History",
    "Who decided what: every label, exclusion, flag and note of people, every change of the "
    "classes, and what was taken back.",
)
history(page.store, page.needed_project())
