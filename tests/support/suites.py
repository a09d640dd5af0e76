"""What ``make quick`` leaves out, and why; everything else is in it.

A test has the marker ``quick`` or exactly one of ``FULL_ONLY``. Folders and files are listed here;
single tests say ``@pytest.mark.models`` themselves, and whatever needs a PostgreSQL server is
marked by its fixture.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
QUICK = "quick"
FULL_ONLY = ("browser", "models", "postgres", "slow")
# Below tests/, chosen by measured CPU time: folders end in a slash.
LEFT_OUT = {
    "browser": ("browser/",),
    "slow": (
        "app/test_audit.py",
        "app/test_active_labels.py",
        "app/test_classes.py",
        "app/test_classify.py",
        "app/test_comparison_report.py",
        "app/test_curate.py",
        "app/test_curate_map.py",
        "app/test_curate_presets.py",
        "app/test_curate_selections.py",
        "app/test_curate_table.py",
        "app/test_data.py",
        "app/test_data_managing.py",
        "app/test_data_project.py",
        "app/test_data_sources.py",
        "app/test_export.py",
        "app/test_fitted_calibration.py",
        "app/test_list_address.py",
        "app/test_login.py",
        "app/test_results.py",
        "app/test_refinement.py",
        "app/test_results_run.py",
        "app/test_results_runs.py",
        "app/test_results_verdict.py",
        "app/test_serve_it.py",
        "app/test_shell.py",
        "app/test_suggestions.py",
        "app/test_teacher.py",
        "app/test_teacher_asking.py",
        "app/test_teacher_batches.py",
        "app/test_teacher_budget.py",
        "app/test_teacher_keys.py",
        "app/test_teacher_question.py",
        "app/test_teacher_servers.py",
        "app/test_teacher_trust.py",
        "app/test_push.py",
        "app/test_train.py",
        "app/test_train_tracking.py",
        "llkd/cli/test_audits.py",
        "llkd/cli/test_batches.py",
        "llkd/cli/test_cli.py",
        "llkd/cli/test_paid_decisions.py",
        "llkd/cli/test_paid_labelling.py",
        "llkd/cli/test_permissions.py",
        "llkd/cli/test_serve.py",
        "llkd/cli/test_servers.py",
        "llkd/cli/test_student_commands.py",
        "llkd/cli/test_teacher_commands.py",
        "llkd/cluster/",
        "llkd/datasets/test_bombs.py",
        "llkd/datasets/test_near_duplicates.py",
        "llkd/datasets/test_round_trips.py",
        "llkd/datasets/test_untrusted.py",
        "llkd/embedding/test_nearest_texts.py",
        "llkd/evaluation/test_audit_status.py",
        "llkd/exporting/test_curated.py",
        "llkd/exporting/test_dataset_folder.py",
        "llkd/exporting/test_spreadsheet_safety.py",
        "llkd/faults/",
        "llkd/isolation/",
        "llkd/jobs/test_processes.py",
        "llkd/jobs/test_typed_keys.py",
        "llkd/labeling/test_active_learning.py",
        "llkd/labeling/test_batches.py",
        "llkd/labeling/test_batches_killed.py",
        "llkd/labeling/test_shared_embeddings.py",
        "llkd/library/test_interrupting.py",
        "llkd/library/test_public_names.py",
        "llkd/library/test_serving.py",
        "llkd/library/test_training.py",
        "llkd/labeling/test_metering.py",
        "llkd/maintenance/test_backup.py",
        "llkd/maintenance/test_damaged_records.py",
        "llkd/maintenance/test_doctor.py",
        "llkd/store/objects/",
        "llkd/packing/test_altered_files.py",
        "llkd/packing/test_every_record.py",
        "llkd/packing/test_kills.py",
        "llkd/packing/test_round_trip.py",
        "llkd/publishing/",
        "llkd/serving/test_docs_serving.py",
        "llkd/serving/test_fallback_server.py",
        "llkd/serving/test_server_faults.py",
        "llkd/serving/test_student_server.py",
        "llkd/store/test_project_names.py",
        "llkd/students/test_architectures.py",
        "llkd/students/test_ecosystem.py",
        "llkd/students/test_onnx.py",
        "llkd/teachers/test_api_faults.py",
        "llkd/teachers/test_servers_of_others.py",
        "llkd/teachers/test_other_servers.py",
        "llkd/tracking/",
        "llkd/training/data_parallel/",
        "llkd/training/test_options.py",
        "llkd/training/test_resuming.py",
        "llkd/training/test_steps.py",
        "llkd/training/test_stopping.py",
        "llkd/workflows/test_refined_labels.py",
        "llkd/workflows/test_certified.py",
        "llkd/workflows/test_added_class.py",
        "llkd/workflows/test_arms.py",
        "llkd/workflows/test_committee.py",
        "llkd/workflows/test_evaluation_by_people.py",
        "llkd/workflows/test_evaluation_set.py",
        "llkd/workflows/test_stages.py",
        "llkd/workflows/test_student_export.py",
        "llkd/workflows/test_trained_on.py",
        "llkd/workflows/test_without_confidence.py",
        "llkd/serving/test_conformance.py",
        "llkd/serving/test_hostile_requests.py",
        "llkd/serving/test_other_clients.py",
        "package/test_app_command.py",
        "package/test_dockerfile.py",
        "package/test_extras.py",
        "test_docs_faults.py",
        "test_security.py",
    ),
}


def left_out(path: Path) -> str | None:
    """The marker that keeps this file or folder out of ``make quick``; None where it is in it."""
    if not path.is_relative_to(TESTS):
        return None
    name = path.relative_to(TESTS).as_posix()
    for marker, places in LEFT_OUT.items():
        for place in places:
            if name == place or place.endswith("/") and f"{name}/".startswith(place):
                return marker
    return None


def markers_of(path: Path, names: set[str], params: dict) -> set[str]:
    """The markers that a test gets besides ``names``, its own: of its place, its server, or quick.

    ``params`` are what it is parametrized with.
    """
    of_place = left_out(path)
    if of_place is not None:
        return {of_place}
    if names & set(FULL_ONLY):
        return set()
    if params.get("database") == "postgresql":
        return {"postgres"}
    return {QUICK}
