"""## Approval card

One run a card: what changes, the evidence, what it may cost, its limits; approve or reject with a reason and a code.

**Owner**: head of trading and risk. **Triggered** by `model_rollout_<market>`, which waits for nothing; in a DAG of its
own, since a card that waits keeps its run active and would keep the next evening out.

**To answer**: Required Actions, then *Approve* or *Reject*, a reason, and your code for this card and this answer:
`fillwise approve code CARD --person YOU --decision approve`. The code is good for nothing else. Only those named on the
card may answer; no author of the recipe is. A card that asks for two persons shows two actions; each answers one.
**Without Airflow**: `fillwise card show CARD`, `fillwise approve CARD --person YOU --decision approve --reason TEXT`.

**Triage.** Nothing changes unless `act` is green, and then because the approval service took the answer, never because
of a task's colour. A red task says why in its last line:

- `ask_…` *nobody has answered before it expired*: the rollout stays where it is; the next evening opens a new card.
- `ask_…` *state mismatch*: it was answered in the moment that it asked; nothing was taken, it asks again in 2 minutes.
- `ask_…` *nobody may answer*: `fillwise people add NAME --roles approver`, then clear the task.
- `act_…` *the code is not this person's for this answer*, *no reason was given*, …: clear `ask_…`, it asks again.
- `act_…` *answered before*: it is recorded already (`fillwise card show CARD`); clear `judge_…` where that is missing.
- `act_…` *nobody has answered, whatever the task says*: somebody marked the task successful. Ask who, and why.
- `judge_…`: `fillwise rollout judge`, as in `model_rollout`. `page_…`: `fillwise rollout page`; nothing trades by it.

**Safe to run again**: yes. A task marked successful, a forged XCom, a cleared or deleted run change nothing.
"""

from __future__ import annotations

from datetime import datetime

from airflow.sdk import DAG, Param

from infra.card_operators import AnswerOperator, AskOperator
from infra.markets import MARKETS, Market
from infra.operators import RETRIES, RETRY_DELAY, command_task

FIRST_DAY = datetime(2024, 1, 1)
MOST_ANSWERS = 2
"""No phase asks for more than two persons."""
CARD, DAY = "{{ params.card }}", "{{ params.day or '' }}"


def approval_card(market: Market) -> DAG:
    """One chain an answer: ask, act, judge, page."""
    with DAG(
        dag_id=f"approval_card_{market.name}",
        doc_md=__doc__,
        start_date=FIRST_DAY,
        catchup=False,
        schedule=None,
        max_active_runs=16,
        is_paused_upon_creation=False,
        tags=["fillwise", market.name, "approval"],
        params={
            "card": Param("", type="string", description="which card (fillwise card list)"),
            "day": Param(None, type=["null", "string"], description="session of its evening; empty: the latest"),
        },
    ) as dag:
        for place in range(1, MOST_ANSWERS + 1):
            ask = AskOperator(task_id=f"ask_{place}", card=CARD, market=market.name, place=place)
            act = AnswerOperator(
                task_id=f"act_{place}",
                card=CARD,
                asked=ask.task_id,
                values={"FILLWISE_MARKET": market.name},
                retries=RETRIES,
                retry_delay=RETRY_DELAY,
                doc_md="`fillwise approve CARD`: the approval service verifies the answer and records it, or refuses.",
            )
            judge = command_task(
                f"judge_{place}", market.name, "rollout judge", "the evening again, with the answer", day=DAY
            )
            page = command_task(f"page_{place}", market.name, "rollout page", "the rollout as it stands now", day=DAY)
            ask >> act >> judge >> page
    return dag


for _market in MARKETS.values():
    if _market.is_traded_by_desk:
        globals()[f"approval_card_{_market.name}"] = approval_card(_market)
