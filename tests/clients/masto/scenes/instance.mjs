import assert from "node:assert/strict";
import { MastoHttpError } from "masto";

/** Where am I? */
export async function lookAround({ ann, given }) {
  const { v1, v2 } = ann.rest;
  const here = await v2.instance.fetch();
  const domain = new URL(given.ann.url).host;
  assert.equal(here.domain, domain);
  assert.ok(here.configuration.statuses.maxCharacters >= 500);
  assert.equal((await v1.instance.fetch()).uri, domain);
  assert.equal((await v1.instance.activity.list()).length, 12);
  assert.deepEqual(await v1.instance.peers.list(), [new URL(given.zoe.url).host]);
  assert.ok((await v1.instance.languages.list()).some((one) => one.code === "en"));
  assert.equal(typeof (await v1.instance.extendedDescription.fetch()).content, "string");
  assert.deepEqual(await v1.instance.translationLanguages.list(), {});
  assert.ok(Array.isArray(await v1.instance.domainBlocks.fetch()));
  assert.deepEqual(await v1.customEmojis.list(), []);
  for (const trend of ["statuses", "links", "tags"]) {
    assert.ok(Array.isArray(await v1.trends[trend].list()));
  }
  const shown = await v1.directory.list({ local: true, order: "new" });
  assert.ok(shown.every((one) => !one.acct.includes("@")));
}

/** An application of its own, from registration to revocation. */
export async function beginApplication({ bob }) {
  const app = await bob.rest.v1.apps.create({
    clientName: "Kite",
    redirectUris: "urn:ietf:wg:oauth:2.0:oob",
    scopes: "read write",
  });
  const known = { clientId: app.clientId, clientSecret: app.clientSecret };
  const token = await bob.oauth.token.create({
    ...known,
    grantType: "client_credentials",
    redirectUri: "urn:ietf:wg:oauth:2.0:oob",
    scope: "read",
  });
  assert.equal(token.scope, "read");
  const its = bob.withToken(token.accessToken);
  assert.equal((await its.v1.apps.verifyCredentials()).name, "Kite");
  await bob.oauth.revoke({ ...known, token: token.accessToken });
  await refused(() => its.v1.apps.verifyCredentials(), 401, /access token is invalid/);
}

/** What cannot be is told in the words and with the status that clients know. */
export async function fail({ ann, zoeAtAnns }) {
  const { v1 } = ann.rest;
  await refused(() => v1.statuses.$select("1").fetch(), 404, /Record not found/);
  await refused(() => v1.statuses.create({ status: "" }), 422, /^Validation failed/);
  await refused(() => v1.statuses.create({ status: "x".repeat(100_000) }), 422, /limit/);
  await refused(() => ann.withToken("no token").v1.timelines.home.list(), 401, /access token/);
  await refused(() => v1.lists.$select("1").accounts.create({ accountIds: [zoeAtAnns.id] }), 404);
  await refused(() => v1.emails.confirmations.create({}), 403);
}

async function refused(ask, status, words = /./) {
  await assert.rejects(
    // A paginator asks only once somebody waits for it.
    async () => await ask(),
    (error) => {
      assert.ok(error instanceof MastoHttpError, error);
      assert.equal(error.statusCode, status);
      assert.match(error.message, words);
      return true;
    },
  );
}
