"""What runs beside the requests: the inbox, the deliveries, threads, learning about peers,
tidying up."""

from fedserver.workers.acquaintance import learn_always
from fedserver.workers.delivery_worker import deliver_always
from fedserver.workers.domain_watch import watch_domains
from fedserver.workers.housekeeping import keep_house
from fedserver.workers.inbox_worker import process_always
from fedserver.workers.thread_worker import complete_always

ALL = (
    process_always,
    deliver_always,
    learn_always,
    complete_always,
    keep_house,
    watch_domains,
)

__all__ = ["ALL"]
