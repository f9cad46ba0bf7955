from .declaration import Study as Study
from .declaration import StudyForm as StudyForm
from .declaration import load_study as load_study
from .declaration import study_names as study_names
from .laws import Law as Law
from .laws import fit_law as fit_law
from .study_run import StudyResult as StudyResult
from .study_run import run_study as run_study
