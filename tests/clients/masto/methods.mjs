// The whole list of what the library can call, read from its own type declarations, and a
// recorder that remembers what was called. Both name a method by its way through the proxies:
// rest.v1.statuses.$select.favourite.
import { readFileSync, readdirSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const root = join(dirname(createRequire(import.meta.url).resolve("masto")), "mastodon");

/** Every interface under a folder: its name, and its members with the name of their type. */
function interfacesIn(folder) {
  const found = new Map();
  for (const file of declarations(join(root, folder))) {
    const text = readFileSync(file, "utf8").replace(/\/\*[^]*?\*\//g, "");
    for (const [, name, body] of text.matchAll(/^export interface (\w[\w$]*)[^{]*\{\n([^]*?)^\}/gm)) {
      found.set(name, membersOf(body));
    }
  }
  return found;
}

/** The files of a folder. The administrators' part has the same names, and is asked for alone. */
function declarations(path) {
  if (!statSync(path).isDirectory()) return path.endsWith(".d.ts") ? [path] : [];
  const inside = readdirSync(path).filter((one) => one !== "admin");
  return inside.flatMap((one) => declarations(join(path, one)));
}

/** `name: Type`, `name(given): Type` and `readonly name: Type` at the first level. */
function membersOf(body) {
  const member = /^ {4}(?:readonly )?(\$?\w+)(\([^)]*\))?: ([\w$.]+)?/gm;
  return [...body.matchAll(member)].map(([, name, given, type]) => ({ name, given, type }));
}

/** Walk from an interface to its methods. What is no interface of ours is a method. */
function walk(name, interfaces, way) {
  return interfaces.get(name).flatMap((member) => {
    const type = member.type?.split(".").at(-1);
    const here = [...way, member.name];
    const leads = interfaces.has(type) && (!member.given || member.name === "$select");
    return leads ? walk(type, interfaces, here) : [here.join(".")];
  });
}

export function library() {
  return [
    ...walk("AdminResource", interfacesIn("rest/v1/admin"), ["rest", "v1", "admin"]),
    ...versionOf("v1"),
    ...versionOf("v2"),
    ...walk("Client", interfacesIn("oauth"), ["oauth"]),
    ...walk("Client", interfacesIn("streaming"), ["streaming"]),
  ].sort();
}

function versionOf(version) {
  const client = interfacesIn("rest/client.d.ts");
  const interfaces = interfacesIn(`rest/${version}`);
  return client
    .get(`${version.toUpperCase()}Resource`)
    .filter((member) => member.name !== "admin")
    .flatMap(({ name, type }) => walk(type.split(".").at(-1), interfaces, ["rest", version, name]));
}

/** The client, and each call that answered is added to `called`. */
export function recorded(client, called, way) {
  return new Proxy(client, {
    get(target, name) {
      const next = target[name];
      if (typeof name === "symbol") return next;
      if (next === undefined) return undefined;
      return recorded(next, called, name === "$raw" ? way : [...way, name]);
    },
    apply(target, self, given) {
      const answer = Reflect.apply(target, self, given);
      if (way.at(-1) === "$select") return recorded(answer, called, way);
      return noted(answer, () => called.add(way.join(".")));
    },
  });
}

/** What a call gave: `note` is called once the server has answered well. */
function noted(answer, note) {
  if (answer instanceof Promise) {
    return answer.then((value) => (note(), value));
  }
  if (answer?.setDirection) {
    const pages = answer.values.bind(answer);
    answer.values = async function* () {
      for await (const page of pages()) {
        note();
        yield page;
      }
    };
  } else note();
  return answer;
}
