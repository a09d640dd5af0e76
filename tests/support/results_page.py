"""What tests of the Results page read of it and do on it."""


def table_column(app, column):
    return next(one.value for one in app.dataframe if column in one.value.columns)


def chosen_run(app):
    """The choice of the run in detail."""
    return next(one for one in app.selectbox if one.label == "Run")
