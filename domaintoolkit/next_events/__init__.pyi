from .evaluation import NextSettings as NextSettings
from .evaluation import evaluate_next as evaluate_next
from .report import NextReport as NextReport
