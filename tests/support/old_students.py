"""Students in the form of earlier releases."""

import json


def save_as_in_version_0_3(student, folder):
    """What a run of version 0.3.0 left."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    student.network["encoder"].save_pretrained(folder)
    student.tokenizer.save_pretrained(folder)
    head = {name: value.cpu() for name, value in student.network["head"].state_dict().items()}
    save_file(head, folder / "head.safetensors")
    about = {
        "format": 1,
        "class_names": student.class_names,
        "pooling": "mean",
        "max_tokens": student.max_tokens,
    }
    (folder / "student.json").write_text(json.dumps(about))
    (folder / "README.md").write_text("# A small text classifier\n")
