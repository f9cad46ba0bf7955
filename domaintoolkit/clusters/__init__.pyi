from .cluster_evaluation import ClusterSettings as ClusterSettings
from .cluster_evaluation import evaluate_clusters as evaluate_clusters
from .cluster_report import ClusterReport as ClusterReport
from .cluster_report import Spread as Spread
