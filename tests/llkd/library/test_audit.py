"""An audit in Python: without a home, by names of classes, up to a certified selection."""

import pytest

import llkd

TEXTS = {f"note {n}, on {'sports' if n % 2 else 'money'}": ["money", "sports"][n % 2]
         for n in range(90)}  # fmt: skip


@pytest.fixture(scope="module")
def labels():
    texts = llkd.read_texts(list(TEXTS), labels=["sports", "money"], progress=False)
    return llkd.import_labels(texts, TEXTS, progress=False)


def test_answers_by_name_undo_and_a_certificate(labels):
    audit = labels.audit(target=0.9, seed=3, who="Ada")
    assert audit.size == 90 and "nobody has labelled any" in audit.sentence
    drawn = audit.next(60, who="Ada")
    with pytest.raises(llkd.ConfigError, match="'maths' is no class"):
        audit.answer({drawn[0][0]: "maths"}, who="Ada")
    with pytest.raises(llkd.UserError, match="Nothing is known yet"):
        audit.certify()
    audit.answer({row: TEXTS[text] for row, text in drawn}, who="Ada")
    assert audit.undo(who="Ada") == drawn[-1][0] and audit.answered == 59
    audit.answer({drawn[-1][0]: None}, who="Ada")
    again = labels.audit(audit.number)
    assert (again.answered, again.wrong) == (60, 1)
    assert again.estimate["low"] < 59 / 60 < again.estimate["high"]
    certificate = again.certify()
    assert certificate.sentence.startswith("At least 90 % of these 90 labels are right")
    assert certificate.holds and len(certificate.selection) == certificate.size == 90
    assert certificate.facts["people"] == ["Ada"]
    with pytest.raises(llkd.UserError, match="another audit with that target"):
        again.certify(target=0.99)
    with pytest.raises(llkd.NotFound, match="no audit 9"):
        labels.audit(9)
