from .laws import Law as Law
from .laws import fit_law as fit_law
from .study import Study as Study
from .study import StudyForm as StudyForm
from .study import load_study as load_study
from .study import study_names as study_names
from .study_run import StudyResult as StudyResult
from .study_run import run_study as run_study
