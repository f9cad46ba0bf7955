from .evaluation import evaluate_next as evaluate_next
from .folder_histories import FolderHistories as FolderHistories
from .folder_histories import find_values as find_values
from .folder_histories import read_histories as read_histories
from .report import NextReport as NextReport
from .task import NextSettings as NextSettings
