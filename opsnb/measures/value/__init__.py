"""What customers are worth: how often they will order, for how much, and how far that can be trusted."""

from opsnb.measures.value.models import PurchaseModel, bg_nbd, pareto_nbd
from opsnb.measures.value.spending import Spending, gamma_gamma

__all__ = ["PurchaseModel", "Spending", "bg_nbd", "gamma_gamma", "pareto_nbd"]
