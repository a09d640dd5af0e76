"""One file a strategy: its class, and its spec, which ``llkd.selection.registry`` lists.

To add one: a file here with a class that has ``needs_student``, ``needs_confidence``, ``step``,
``state`` and ``restored``, and a :class:`~llkd.selection.strategy_spec.StrategySpec`; then one line
in the registry. One that wants to know the whole pool also has ``prepare``, and one that passes
over some texts for good ``selectable`` (``llkd.selection.inputs``).
"""
