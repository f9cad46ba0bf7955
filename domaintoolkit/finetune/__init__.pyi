from .prediction import predict as predict
from .settings import FinetuneSettings as FinetuneSettings
from .settings import load_settings as load_settings
from .tuning import finetune as finetune
from .tuning_progress import TuningProgress as TuningProgress
from .tuning_result import TuningResult as TuningResult
