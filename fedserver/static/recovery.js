// Makes a recovery key in the browser: 24 words that never leave it. The server is given the public
// half and what the key has signed; the fields for words have no name, so no form sends them.
// What is made here is what fedserver/recovery/ makes of the same words.
"use strict";

const CONTEXT = [
  "https://www.w3.org/ns/activitystreams",
  "https://w3id.org/security/data-integrity/v1",
  {
    VerifiableIdentityStatement: "https://w3id.org/fep/c390#VerifiableIdentityStatement",
    subject: "https://w3id.org/fep/c390#subject",
  },
];
// The start of PKCS #8 before the 32 bytes of a key (RFC 8410).
const PKCS8 = { Ed25519: "302e020100300506032b657004220420", X25519: "302e020100300506032b656e04220420" };
const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const BECH32_STEPS = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];

const utf8 = (text) => new TextEncoder().encode(text);
const fromHex = (hex) => Uint8Array.from(hex.match(/../g), (byte) => parseInt(byte, 16));
const joined = (...parts) => Uint8Array.from(parts.flatMap((part) => [...part]));
const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

async function wordsOf(seed) {
  const bits = [...joined(seed, (await sha256(seed)).slice(0, 1))]
    .map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return bits.match(/.{11}/g).map((part) => RECOVERY_WORDS[parseInt(part, 2)]);
}

async function seedOf(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const numbers = words.map((word) => RECOVERY_WORDS.indexOf(word));
  const wrong = numbers.indexOf(-1);
  if (wrong >= 0) throw new Error(`word ${wrong + 1}, “${words[wrong]}”, is not a word of a recovery key`);
  if (words.length !== 24) throw new Error(`a recovery key has 24 words; these are ${words.length}`);
  const bits = numbers.map((number) => number.toString(2).padStart(11, "0")).join("");
  const bytes = Uint8Array.from(bits.match(/.{8}/g), (part) => parseInt(part, 2));
  const seed = bytes.slice(0, 32);
  if ((await sha256(seed))[0] !== bytes[32])
    throw new Error("these words are not a recovery key: one is wrong, or two changed places");
  return seed;
}

async function derived(seed, use) {
  const key = await crypto.subtle.importKey("raw", seed, "HKDF", false, ["deriveBits"]);
  const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: utf8(use) };
  return new Uint8Array(await crypto.subtle.deriveBits(how, key, 256));
}

async function pair(name, secret, uses) {
  const bytes = joined(fromHex(PKCS8[name]), secret);
  const key = await crypto.subtle.importKey("pkcs8", bytes, { name }, true, uses);
  const { x } = await crypto.subtle.exportKey("jwk", key);
  const raw = atob(x.replaceAll("-", "+").replaceAll("_", "/"));
  return { key, public: Uint8Array.from(raw, (char) => char.charCodeAt(0)) };
}

function base58(bytes) {
  let number = bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  let text = "";
  for (; number > 0n; number /= 58n) text = BASE58[Number(number % 58n)] + text;
  const zeros = bytes.findIndex((byte) => byte !== 0);
  return "1".repeat(zeros < 0 ? bytes.length : zeros) + text;
}

function bech32(prefix, bytes) {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const values = bits.match(/.{1,5}/g).map((part) => parseInt(part.padEnd(5, "0"), 2));
  const codes = [...prefix].map((char) => char.charCodeAt(0));
  const expanded = [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31)];
  let checksum = 1;
  for (const value of [...expanded, ...values, 0, 0, 0, 0, 0, 0]) {
    const top = checksum >>> 25;
    checksum = ((checksum & 0x1ffffff) << 5) ^ value;
    BECH32_STEPS.forEach((step, place) => { if ((top >> place) & 1) checksum ^= step; });
  }
  checksum ^= 1;
  for (let place = 5; place >= 0; place--) values.push((checksum >> (5 * place)) & 31);
  return `${prefix}1${values.map((value) => BECH32[value]).join("")}`;
}

async function recoveryKey(seed) {
  const signing = await pair("Ed25519", await derived(seed, "fedserver recovery signing 1"), ["sign"]);
  const opening = await pair("X25519", await derived(seed, "fedserver recovery opening 1"), ["deriveBits"]);
  return {
    did: "did:key:z" + base58(joined([0xed, 0x01], signing.public)),
    recipient: bech32("age", opening.public),
    key: signing.key,
  };
}

// RFC 8785, for what statements are made of: objects, lists and strings.
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.keys(value).sort();
  return `{${members.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}

// A proof of FEP-8b32 (eddsa-jcs-2022) by the key itself.
async function signed(statement, by, created) {
  const whole = { "@context": [CONTEXT[1]], ...statement };
  const proof = {
    "@context": whole["@context"],
    type: "DataIntegrityProof",
    cryptosuite: "eddsa-jcs-2022",
    created,
    verificationMethod: by.did,
    proofPurpose: "assertionMethod",
  };
  const hashes = joined(await sha256(utf8(canonical(proof))), await sha256(utf8(canonical(whole))));
  const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", by.key, hashes));
  return JSON.stringify({ ...whole, proof: { ...proof, proofValue: "z" + base58(signature) } });
}

const loadedAt = performance.now();
// By the clock of the server: that of a device may be far off.
function now(form) {
  const moment = Date.parse(form.dataset.now) + performance.now() - loadedAt;
  return new Date(moment).toISOString().replace(/\.\d+Z$/, "Z");
}

function tell(form, error) {
  const told = form.querySelector("[role=alert]");
  told.textContent = error.name === "NotSupportedError"
    ? "This browser cannot make such a key. Use a newer one, or “fedserver kit key”."
    : `That did not work: ${error.message}.`;
  told.hidden = false;
}

async function oldKey(form) {
  const words = form.querySelector("[data-old-words]")?.value.trim();
  return words ? recoveryKey(await seedOf(words)) : null;
}

async function makeKey(form) {
  const seed = crypto.getRandomValues(new Uint8Array(32));
  const made = await recoveryKey(seed);
  const actor = form.dataset.actor;
  const identity = {
    "@context": CONTEXT,
    type: "VerifiableIdentityStatement",
    subject: made.did,
    alsoKnownAs: actor,
  };
  const old = await oldKey(form);
  const rotation = old && {
    type: "RecoveryKeyRotation", subject: old.did, successor: made.did, alsoKnownAs: actor,
  };
  form.elements.did.value = made.did;
  form.elements.recipient.value = made.recipient;
  form.elements.statement.value = await signed(identity, made, now(form));
  form.elements.rotation.value = rotation ? await signed(rotation, old, now(form)) : "";
  showWords(form, await wordsOf(seed));
}

function showWords(form, words) {
  const list = form.querySelector("[data-new-words]");
  list.replaceChildren(...words.map((word) => {
    const item = document.createElement("li");
    item.textContent = word;
    return item;
  }));
  form.querySelector("[data-words-part]").hidden = false;
  form.querySelector("[data-make]").hidden = true;
  form.querySelector("[data-use]").hidden = false;
}

async function removeKey(form) {
  const old = await oldKey(form);
  const removal = old && { type: "RecoveryKeyRemoval", subject: old.did, alsoKnownAs: form.dataset.actor };
  form.elements.removal.value = removal ? await signed(removal, old, now(form)) : "";
  form.submit();
}

for (const form of document.querySelectorAll("form[data-recovery]")) {
  form.hidden = false;
  if (form.dataset.recovery === "make") {
    form.querySelector("[data-make]").addEventListener("click", () => {
      if (!form.reportValidity()) return;
      makeKey(form).catch((error) => tell(form, error));
    });
  } else {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      removeKey(form).catch((error) => tell(form, error));
    });
  }
}
