// A small server of ours on top of Fedify: two people, whose activities the tests dictate over
// /_control, and a log of what its inbox believed. Usage: node server.mjs PORT [FIRST_KNOCK]
// FIRST_KNOCK: in which way it signs what it sends to a server that it does not know yet.
import { createServer } from "node:http";
import {
  createFederation,
  generateCryptoKeyPair,
  InProcessMessageQueue,
  MemoryKvStore,
} from "@fedify/fedify";
import {
  Accept,
  Activity,
  Create,
  Endpoints,
  Follow,
  Move,
  Note,
  Person,
  Question,
  QuoteAuthorization,
  Undo,
} from "@fedify/fedify/vocab";

const port = Number(process.argv[2]);
const firstKnock = process.argv[3];
const origin = `http://localhost:${port}`;

class Account {
  followers = new Map();
  pinned = [];
  // What a move says of it: aliases, successor.
  profile = {};

  constructor(fullName, keyPairs) {
    this.fullName = fullName;
    this.keyPairs = keyPairs;
  }
}

async function newAccount(fullName) {
  return new Account(fullName, [
    await generateCryptoKeyPair("RSASSA-PKCS1-v1_5"),
    await generateCryptoKeyPair("Ed25519"),
  ]);
}

const accounts = {
  fiona: await newAccount("Fiona of Fedify"),
  frieda: await newAccount("Frieda of Fedify"),
};
const log = [];
const requests = [];
const objects = new Map();

// Which way of signing was on the wire, and what came of it.
function dialect(headers) {
  if (headers.get("Signature-Input")) return "rfc9421";
  return headers.get("Signature") ? "cavage" : "none";
}

const plainFetch = globalThis.fetch;
globalThis.fetch = async (...given) => {
  const request = new Request(...given);
  const response = await plainFetch(request);
  const { method, url, headers } = request;
  requests.push({ from: "fedify", method, url, dialect: dialect(headers), status: response.status });
  return response;
};

const federation = createFederation({
  kv: new MemoryKvStore(),
  queue: new InProcessMessageQueue(),
  allowPrivateAddress: true,
  origin,
  ...(firstKnock ? { firstKnock } : {}),
});

federation
  .setActorDispatcher("/users/{identifier}", async (ctx, identifier) => {
    const account = accounts[identifier];
    if (account == null) return null;
    const keys = await ctx.getActorKeyPairs(identifier);
    return new Person({
      id: ctx.getActorUri(identifier),
      preferredUsername: identifier,
      name: account.fullName,
      summary: "<p>Runs on Fedify</p>",
      url: ctx.getActorUri(identifier),
      inbox: ctx.getInboxUri(identifier),
      outbox: ctx.getOutboxUri(identifier),
      followers: ctx.getFollowersUri(identifier),
      featured: ctx.getFeaturedUri(identifier),
      aliases: (account.profile.aliases ?? []).map((uri) => new URL(uri)),
      successor: account.profile.successor ? new URL(account.profile.successor) : null,
      endpoints: new Endpoints({ sharedInbox: ctx.getInboxUri() }),
      publicKey: keys[0].cryptographicKey,
      assertionMethods: keys.map((key) => key.multikey),
    });
  })
  .setKeyPairsDispatcher((_ctx, identifier) => accounts[identifier]?.keyPairs ?? []);

federation.setOutboxDispatcher("/users/{identifier}/outbox", () => ({ items: [] }));
federation.setFollowersDispatcher("/users/{identifier}/followers", (_ctx, identifier) => ({
  items: [...accounts[identifier].followers.values()],
}));
federation.setFeaturedDispatcher("/users/{identifier}/featured", async (ctx, identifier) => ({
  items: await Promise.all(
    accounts[identifier].pinned.map((uri) => Note.fromJsonLd(objects.get(uri), ctx)),
  ),
}));
for (const [kind, path] of [
  [Note, "notes"],
  [Question, "questions"],
  [QuoteAuthorization, "authorizations"],
]) {
  federation.setObjectDispatcher(kind, `/users/{identifier}/${path}/{id}`, async (ctx, values) => {
    const document = objects.get(`${origin}/users/${values.identifier}/${path}/${values.id}`);
    return document == null ? null : await kind.fromJsonLd(document, ctx);
  });
}

federation
  .setInboxListeners("/users/{identifier}/inbox", "/inbox")
  .on(Follow, async (ctx, follow) => {
    await note(ctx, follow);
    const follower = await follow.getActor(ctx);
    const { identifier } = ctx.parseUri(follow.objectId);
    accounts[identifier].followers.set(follower.id.href, follower);
    await ctx.sendActivity({ identifier }, follower, new Accept({
      id: new URL(`${origin}/accepts/${crypto.randomUUID()}`),
      actor: ctx.getActorUri(identifier),
      object: follow,
    }));
  })
  .on(Undo, async (ctx, undo) => {
    await note(ctx, undo);
    const undone = await undo.getObject(ctx);
    if (!(undone instanceof Follow)) return;
    accounts[ctx.parseUri(undone.objectId).identifier].followers.delete(undo.actorId.href);
  })
  .on(Move, async (ctx, move) => {
    await note(ctx, move);
    // As Hollo does: the moved actor is fetched, unless it came with the Move.
    const moved = await move.getObject(ctx);
    if (!(moved instanceof Person)) return;
    const target = await ctx.lookupObject(move.targetId);
    if (!target.aliasIds.some((uri) => uri.href === move.actorId.href)) return;
    await ctx.sendActivity({ identifier: "fiona" }, target, new Follow({
      id: new URL(`${origin}/follows/${crypto.randomUUID()}`),
      actor: ctx.getActorUri("fiona"),
      object: target.id,
    }));
  })
  .on(Activity, note);

async function note(ctx, activity) {
  // Its server may be gone.
  const actor = await activity.getActor({
    documentLoader: ctx.documentLoader,
    contextLoader: ctx.contextLoader,
    suppressError: true,
  });
  const object = activity instanceof Create ? await activity.getObject(ctx) : null;
  const document = await activity.toJsonLd(ctx);
  log.push({
    type: activity.constructor.name,
    id: activity.id?.href,
    actor: activity.actorId?.href,
    actorName: actor?.name?.toString(),
    object: object?.id?.href ?? activity.objectId?.href,
    name: object?.name?.toString(),
    content: object?.content?.toString(),
    about: document.object?.type,
    document,
  });
}

const commands = {
  log: () => log,
  // How the requests were signed, both ways.
  requests: () => requests,
  forget_requests: () => requests.splice(0),
  // {who, pinned, profile}: what the profile of an account says from now on.
  describe: ({ who, ...changes }) => {
    Object.assign(accounts[who], changes);
    return {};
  },
  // {document}: from now on Fedify serves it at its own id.
  put: ({ document }) => {
    objects.set(document.id, document);
    return {};
  },
  remove: ({ id }) => ({ removed: objects.delete(id) }),
  // {activity, to: [actor ids] | "followers"}: Fedify reads, signs, proves and delivers it.
  send: async ({ activity, to, who = "fiona" }, ctx) => {
    const read = await Activity.fromJsonLd(activity, ctx);
    const recipients = to === "followers" ? [...accounts[who].followers.values()] : [];
    for (const id of to === "followers" ? [] : to) {
      const actor = await ctx.lookupObject(id);
      if (actor == null) throw new Error(`Fedify cannot read ${id}`);
      recipients.push(actor);
    }
    await ctx.sendActivity({ identifier: who }, recipients, read, { immediate: true });
    return {};
  },
  // {uri}: what Fedify makes of a document of ours.
  lookup: async ({ uri }, ctx) => {
    const found = await ctx.lookupObject(uri);
    return found == null ? null : await found.toJsonLd(ctx);
  },
};

async function body(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function control(command, request) {
  const given = JSON.parse((await body(request)).toString() || "{}");
  const ctx = federation.createContext(new Request(origin), undefined);
  try {
    return [200, await commands[command](given, ctx)];
  } catch (error) {
    return [500, { error: String(error), stack: error.stack }];
  }
}

createServer(async (request, answer) => {
  if (request.url.startsWith("/_control/")) {
    const [status, said] = await control(request.url.slice("/_control/".length), request);
    answer.writeHead(status, { "Content-Type": "application/json" });
    answer.end(JSON.stringify(said));
    return;
  }
  const content = await body(request);
  const { method, url } = request;
  const signed = dialect(new Headers(request.headers));
  const response = await federation.fetch(
    new Request(new URL(url, origin), {
      method,
      headers: request.headers,
      body: content.length > 0 ? content : undefined,
    }),
    { contextData: undefined },
  );
  requests.push({ from: "us", method, url, dialect: signed, status: response.status });
  answer.writeHead(response.status, Object.fromEntries(response.headers));
  answer.end(Buffer.from(await response.arrayBuffer()));
}).listen(port, "127.0.0.1", () => console.log("ready"));
federation.startQueue(undefined);
