import assert from "node:assert/strict";
import { until } from "../waiting.mjs";

/** Notifications, one by one and in groups, conversations, announcements. */
export async function beTold({ ann, zoe }) {
  const { v1, v2 } = ann.rest;
  const [mention] = await until(async () => {
    const list = await v1.notifications.list({ types: ["mention"] });
    return list.length > 0 && list;
  });
  assert.equal(mention.account.acct, zoe.acct);
  assert.equal((await v1.notifications.$select(mention.id).fetch()).id, mention.id);
  assert.ok((await v1.notifications.fetch({ types: ["mention"] })).length > 0);
  assert.ok((await v1.notifications.unreadCount.fetch()).count >= 1);
  assert.ok((await v2.notifications.unreadCount.fetch()).count >= 1);
  const grouped = await v2.notifications.list();
  const group = grouped.notificationGroups.find((one) => one.type === "mention");
  const one = v2.notifications.$select(group.groupKey);
  assert.equal((await one.fetch()).notificationGroups[0].groupKey, group.groupKey);
  assert.deepEqual((await one.accounts.fetch()).map((each) => each.acct), [zoe.acct]);
  await one.dismiss();
  const types = async () => (await v1.notifications.list()).map((each) => each.groupKey);
  assert.ok(!(await types()).includes(group.groupKey));
  const [next] = await v1.notifications.list();
  await v1.notifications.$select(next.id).dismiss();
  await v1.notifications.clear();
  assert.deepEqual(await v1.notifications.list(), []);
  await readAnnouncement(v1);
}

async function readAnnouncement(v1) {
  const [news] = await v1.announcements.list();
  const one = v1.announcements.$select(news.id);
  await one.reactions.$select("🧺").update();
  const reactions = async () => (await v1.announcements.list())[0].reactions;
  assert.deepEqual((await reactions()).map((each) => [each.name, each.me]), [["🧺", true]]);
  await one.reactions.$select("🧺").remove();
  assert.deepEqual(await reactions(), []);
  await one.dismiss();
  assert.equal((await v1.announcements.list())[0].read, true);
}

/** Bob, whom Ann does not follow, writes in private, and Ann decides. */
export async function decide({ ann, bob }) {
  const { v1, v2 } = ann.rest;
  assert.equal((await v2.notifications.policy.fetch()).forPrivateMentions, "filter");
  const { requests } = v1.notifications;
  const asked = async () => {
    await bob.rest.v1.statuses.create({ status: "@ann psst", visibility: "direct" });
    return (await requests.list())[0];
  };
  const first = await asked();
  assert.equal((await requests.$select(first.id).fetch()).account.acct, "bob");
  await requests.$select(first.id).dismiss();
  assert.deepEqual(await requests.list(), []);
  await requests.dismiss({ id: [(await asked()).id] });
  assert.deepEqual(await requests.list(), []);
  const last = await asked();
  await requests.$select(last.id).accept();
  await requests.accept({ id: [last.id] });
  assert.deepEqual(await requests.list(), []);
  await until(async () => (await requests.merged.fetch()).merged);
  const changed = await v2.notifications.policy.update({ forPrivateMentions: "accept" });
  assert.equal(changed.forPrivateMentions, "accept");
  await bob.rest.v1.statuses.create({ status: "@ann hello again", visibility: "direct" });
  await until(async () => (await v1.notifications.list())[0]?.account.acct === "bob");
  await converse(v1);
}

async function converse(v1) {
  const [talk] = await v1.conversations.list();
  assert.deepEqual(talk.accounts.map((one) => one.acct), ["bob"]);
  const one = v1.conversations.$select(talk.id);
  assert.equal((await one.read()).unread, false);
  assert.equal((await one.unread()).unread, true);
  const before = (await v1.conversations.list()).length;
  await one.remove();
  assert.equal((await v1.conversations.list()).length, before - 1);
}
