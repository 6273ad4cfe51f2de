// A small server of ours on top of Fedify: one person, whose activities the tests dictate over
// /_control, and a log of what its inbox believed. Usage: node server.mjs PORT
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
  Note,
  Person,
  Question,
  Undo,
} from "@fedify/fedify/vocab";

const port = Number(process.argv[2]);
const origin = `http://localhost:${port}`;
const name = "fiona";

const log = [];
const followers = new Map();
const objects = new Map();
const keyPairs = [
  await generateCryptoKeyPair("RSASSA-PKCS1-v1_5"),
  await generateCryptoKeyPair("Ed25519"),
];

const federation = createFederation({
  kv: new MemoryKvStore(),
  queue: new InProcessMessageQueue(),
  allowPrivateAddress: true,
  origin,
});

federation
  .setActorDispatcher("/users/{identifier}", async (ctx, identifier) => {
    if (identifier !== name) return null;
    const keys = await ctx.getActorKeyPairs(identifier);
    return new Person({
      id: ctx.getActorUri(identifier),
      preferredUsername: identifier,
      name: "Fiona of Fedify",
      summary: "<p>Runs on Fedify</p>",
      url: ctx.getActorUri(identifier),
      inbox: ctx.getInboxUri(identifier),
      outbox: ctx.getOutboxUri(identifier),
      followers: ctx.getFollowersUri(identifier),
      endpoints: new Endpoints({ sharedInbox: ctx.getInboxUri() }),
      publicKey: keys[0].cryptographicKey,
      assertionMethods: keys.map((key) => key.multikey),
    });
  })
  .setKeyPairsDispatcher((_ctx, identifier) => (identifier === name ? keyPairs : []));

federation.setOutboxDispatcher("/users/{identifier}/outbox", () => ({ items: [] }));
federation.setFollowersDispatcher("/users/{identifier}/followers", () => ({
  items: [...followers.values()],
}));
for (const [kind, path] of [[Note, "notes"], [Question, "questions"]]) {
  federation.setObjectDispatcher(kind, `/users/{identifier}/${path}/{id}`, async (ctx, values) => {
    const document = objects.get(`${origin}/users/${name}/${path}/${values.id}`);
    return document == null ? null : await kind.fromJsonLd(document, ctx);
  });
}

federation
  .setInboxListeners("/users/{identifier}/inbox", "/inbox")
  .on(Follow, async (ctx, follow) => {
    await note(ctx, follow);
    const follower = await follow.getActor(ctx);
    followers.set(follower.id.href, follower);
    await ctx.sendActivity({ identifier: name }, follower, new Accept({
      id: new URL(`${origin}/accepts/${crypto.randomUUID()}`),
      actor: ctx.getActorUri(name),
      object: follow,
    }));
  })
  .on(Undo, async (ctx, undo) => {
    await note(ctx, undo);
    if (await undo.getObject(ctx) instanceof Follow) followers.delete(undo.actorId.href);
  })
  .on(Activity, note);

async function note(ctx, activity) {
  const actor = await activity.getActor(ctx);
  const object = activity instanceof Create ? await activity.getObject(ctx) : null;
  log.push({
    type: activity.constructor.name,
    id: activity.id?.href,
    actor: activity.actorId?.href,
    actorName: actor?.name?.toString(),
    object: object?.id?.href ?? activity.objectId?.href,
    name: object?.name?.toString(),
    content: object?.content?.toString(),
    document: await activity.toJsonLd(ctx),
  });
}

const commands = {
  log: () => log,
  // {document}: from now on Fedify serves it at its own id.
  put: ({ document }) => {
    objects.set(document.id, document);
    return {};
  },
  remove: ({ id }) => ({ removed: objects.delete(id) }),
  // {activity, to: [actor ids] | "followers"}: Fedify reads, signs, proves and delivers it.
  send: async ({ activity, to }, ctx) => {
    const read = await Activity.fromJsonLd(activity, ctx);
    const recipients = to === "followers" ? [...followers.values()] : [];
    for (const id of to === "followers" ? [] : to) {
      const actor = await ctx.lookupObject(id);
      if (actor == null) throw new Error(`Fedify cannot read ${id}`);
      recipients.push(actor);
    }
    await ctx.sendActivity({ identifier: name }, recipients, read, { immediate: true });
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
  const response = await federation.fetch(
    new Request(new URL(request.url, origin), {
      method: request.method,
      headers: request.headers,
      body: content.length > 0 ? content : undefined,
    }),
    { contextData: undefined },
  );
  answer.writeHead(response.status, Object.fromEntries(response.headers));
  answer.end(Buffer.from(await response.arrayBuffer()));
}).listen(port, "127.0.0.1", () => console.log("ready"));
federation.startQueue(undefined);
