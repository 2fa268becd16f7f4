"""What customers are worth: how often they will order, for how much, and how far that can be trusted."""

from opsnb.measures.value.habits import order_habits
from opsnb.measures.value.holdout import Chosen, Holdout, chosen_model, holdout
from opsnb.measures.value.models import PurchaseModel, bg_nbd, pareto_nbd
from opsnb.measures.value.spending import Spending, gamma_gamma
from opsnb.measures.value.worth import Worth, deciles, ltv, ltv_by, ltv_total

__all__ = ["Chosen", "Holdout", "PurchaseModel", "Spending", "Worth", "bg_nbd", "chosen_model", "deciles", "gamma_gamma", "holdout", "ltv", "ltv_by",
           "ltv_total", "order_habits", "pareto_nbd"]
