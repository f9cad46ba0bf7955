from .cluster_evaluation import ClusterSettings as ClusterSettings
from .cluster_evaluation import evaluate_clusters as evaluate_clusters
from .cluster_report import ClusterReport as ClusterReport
from .cluster_report import Spread as Spread
from .flagging import find_clusters as find_clusters
from .flagging import flag_clusters as flag_clusters
