from .beam_search import Prediction as Prediction
from .beam_search import predict_next as predict_next
from .generator import Generator as Generator
from .generator import WrittenHistory as WrittenHistory
from .part_ranking import LikelyPart as LikelyPart
from .part_ranking import likely_parts as likely_parts
from .sampling import Sampling as Sampling
