// Lets a button use a passkey: the page says in data-options what to ask the browser for, and the
// answer goes into the form's field `credential`. Without this file everything else works.
"use strict";

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const known = window.PublicKeyCredential && PublicKeyCredential.parseRequestOptionsFromJSON;
  if (!known) continue;
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    if (form.elements.credential.value) return;
    event.preventDefault();
    const options = JSON.parse(form.dataset.options);
    try {
      const credential = form.dataset.passkey === "create"
        ? await navigator.credentials.create({
            publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options),
          })
        : await navigator.credentials.get({
            publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options),
          });
      form.elements.credential.value = JSON.stringify(credential.toJSON());
      form.submit();
    } catch (error) {
      const told = form.querySelector("[role=alert]");
      told.textContent = "The passkey was not used: " + error.message;
      told.hidden = false;
    }
  });
}
