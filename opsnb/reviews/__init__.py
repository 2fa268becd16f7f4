"""Reviews: what each notebook finds, without the notebook. Data and parameters in, the short version out.

A notebook's second code cell calls its review; apps, the schedule and the referee of ``opsnb truth`` call the same function, so what is
tested is what is shown.
"""

from opsnb.reviews.evaluation_report import evaluation_report
from opsnb.reviews.funnel_diagnosis import funnel_diagnosis
from opsnb.reviews.market_analysis import market_analysis
from opsnb.reviews.user_profiling import user_profiling

ALL = {"market_analysis": market_analysis, "user_profiling": user_profiling, "funnel_diagnosis": funnel_diagnosis, "evaluation_report": evaluation_report}

__all__ = ["ALL", "evaluation_report", "funnel_diagnosis", "market_analysis", "user_profiling"]
