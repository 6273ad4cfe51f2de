"""Methods of Mastodon.py that the long life does not call, each with the reason."""

EXCUSED_PREFIXES = ("_", "admin_")

_REASONS = {
    "asks no server, or only what other methods ask": """
        clear_caches decode_blurhash get_status_length persistable_login_credentials
        push_subscription_decrypt_push set_language
    """,
    "called in test_mastodon_py.py": "auth_request_url create_app log_in revoke_access_token",
    "called in test_mastodon_py_notifications.py": """
        accept_multiple_notification_requests accept_notification_request announcement_dismiss
        announcement_reaction_create announcement_reaction_delete conversations_read
        dismiss_grouped_notification dismiss_multiple_notification_requests
        dismiss_notification_request grouped_notification grouped_notification_accounts
        notification_request
    """,
    "called in test_mastodon_py_streams.py": """
        stream_direct stream_hashtag stream_healthy stream_list stream_local
        stream_open_websocket stream_public stream_user stream_user_notifications
    """,
    "its endpoint does not exist here": "follows reports search_v1",
    "the library refuses to call it without https": "oauth_userinfo",
    "needs what this life has not: a translator, a mailbox, a past year, terms, a slow thread": """
        annual_report annual_report_generate annual_report_read await_async_refresh create_account
        email_resend_confirmation get_async_refresh_info get_async_refresh_status
        instance_terms_of_service status_translate timeline_link
    """,
}
EXCUSED = {name: reason for reason, names in _REASONS.items() for name in names.split()}
