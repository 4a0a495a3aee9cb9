import pytest
from report_samples import full_report

from fmnist_export.report.content import Report
from fmnist_runtime.data.dataset import Split


@pytest.fixture(scope="session")
def whole(test_split: Split) -> Report:
    """A report with everything in it."""
    return full_report(test_split)
