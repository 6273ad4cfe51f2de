"""What runs beside the requests: inbox, deliveries, threads, learning about peers, polls, proving
quotes, converting videos, looking at links, mails, push messages, imports, tidying up."""

from fedserver.workers.acquaintance import learn_always
from fedserver.workers.card_worker import look_at_links_always
from fedserver.workers.comparing import compare_always
from fedserver.workers.delivery_worker import deliver_always
from fedserver.workers.domain_watch import watch_domains
from fedserver.workers.housekeeping import keep_house
from fedserver.workers.import_worker import import_always
from fedserver.workers.inbox_worker import process_always
from fedserver.workers.mail_worker import mail_always
from fedserver.workers.media_worker import convert_always
from fedserver.workers.poll_worker import watch_polls
from fedserver.workers.push_worker import push_always
from fedserver.workers.quote_proofs import prove_always
from fedserver.workers.scheduled_worker import post_scheduled_always
from fedserver.workers.subscription_worker import mail_posts_always
from fedserver.workers.thread_worker import complete_always
from fedserver.workers.trends_worker import watch_trends

ALL = (
    process_always,
    deliver_always,
    learn_always,
    prove_always,
    watch_polls,
    complete_always,
    keep_house,
    watch_domains,
    compare_always,
    convert_always,
    look_at_links_always,
    mail_always,
    mail_posts_always,
    import_always,
    push_always,
    watch_trends,
)

__all__ = ["ALL", "post_scheduled_always"]
