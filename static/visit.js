/* A visit typed at the door: kept by the server every few seconds and, until the server has it, sealed on this device.
   The sealing key comes with the page for this person and case and is stored nowhere; what is sent is sent once. */
(() => {
  "use strict";
  const form = document.getElementById("visit-form");
  if (!form) return;
  const EVERY = 3000, AGAIN = 8000, LOCAL = 250, WIDEST = 1600;
  const status = document.getElementById("autosave"), kept = document.getElementById("kept");
  const { slot, seal, draft } = form.dataset;
  const photos = form.elements.photos, told = document.getElementById("photos-told");
  const key = window.crypto && crypto.subtle ? crypto.subtle.importKey("raw", bytes(seal), "AES-GCM", false, ["encrypt", "decrypt"]) : null;
  let stored = text(), version = 0, timer = 0, pending = 0, saving = null, sending = false, leaving = false, offered = false;

  /* ---------- what stands in the form ---------- */
  function fields() {
    const found = {};
    for (const [name, value] of new FormData(form)) if (!["csrfmiddlewaretoken", "key", "photos"].includes(name)) found[name] = value;
    return found;
  }
  function text() { return JSON.stringify(fields()); }
  function say(words, tone) {
    status.hidden = false;
    status.className = "notice sticky-bottom mt-3 mb-0 " + (tone || "info");
    status.lastElementChild.textContent = words;
  }
  function bytes(hex) { return Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16)); }

  /* ---------- sealed on this device ---------- */
  async function keep() {
    if (!key || offered || leaving) return false;
    const mine = ++version, nonce = crypto.getRandomValues(new Uint8Array(12));
    const clear = new TextEncoder().encode(JSON.stringify({ key: form.elements.key.value, fields: fields(), at: Date.now() }));
    const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv: nonce }, await key, clear));
    if (mine !== version) return true; /* typed on, or erased, since */
    try { localStorage.setItem(slot, btoa(String.fromCharCode(...nonce, ...sealed))); } catch { return false; }
    return true;
  }
  function erase() { version += 1; try { localStorage.removeItem(slot); } catch { /* nothing was kept */ } }
  async function open() {
    let found = null;
    try { found = localStorage.getItem(slot); } catch { /* storage is switched off */ }
    if (!key || !found) return null;
    try {
      const whole = Uint8Array.from(atob(found), (letter) => letter.charCodeAt(0));
      const clear = await crypto.subtle.decrypt({ name: "AES-GCM", iv: whole.slice(0, 12) }, await key, whole.slice(12));
      return JSON.parse(new TextDecoder().decode(clear));
    } catch { erase(); return null; } /* cut, or sealed with a key of other days: nobody can open it any more */
  }
  async function offer() {
    const found = await open();
    if (!found) return;
    if (JSON.stringify(found.fields) === text() && found.key === form.elements.key.value) { erase(); return; }
    offered = true;
    kept.hidden = false;
    form.hidden = true; /* first it is decided what is gone on with */
    kept.querySelector("[data-kept-at]").textContent = " " + new Date(found.at).toLocaleString("zh-CN", { hour12: false }) + " ";
    kept.querySelector("[data-take]").addEventListener("click", () => {
      Object.entries(found.fields).forEach(([name, value]) => { if (form.elements[name]) form.elements[name].value = value; });
      form.elements.key.value = found.key;
      settled();
      stored = "";
      save();
    });
    kept.querySelector("[data-forget]").addEventListener("click", () => { erase(); settled(); });
  }
  function settled() { offered = false; kept.hidden = true; form.hidden = false; form.elements.said.focus(); }

  /* ---------- kept by the server ---------- */
  function later(wait) { clearTimeout(timer); timer = setTimeout(() => { timer = 0; save(); }, wait); }
  async function save() {
    if (sending || leaving || offered || saving || text() === stored) return;
    saving = put().finally(() => { saving = null; });
    await saving;
  }
  async function put() {
    const sent = text(), body = new FormData(form);
    body.delete("photos");
    let answer;
    try { answer = await fetch(draft, { method: "POST", body, headers: { Accept: "application/json" } }); } catch { return alone(); }
    if (answer.redirected || answer.status === 403) return signedOut();
    if (answer.status === 422) { say((await answer.json()).refused.join("；"), "error"); return undefined; }
    if (!answer.ok) return alone();
    const said = await answer.json();
    if (said.url) { erase(); leaving = true; location.assign(said.url); return undefined; }
    stored = sent;
    if (text() === sent) { erase(); say(`已自动保存 ${said.at}`, "success"); } else later(EVERY);
    return undefined;
  }
  async function alone() {
    const safe = await keep();
    say(safe ? "没有网络，已加密存在这台设备上。有网后再发出；关了页面再打开也在。" : "没有网络，这个浏览器不能加密保存。请不要关闭页面，网络恢复后再发出。", safe ? "warning" : "error");
    later(AGAIN);
  }
  async function signedOut() {
    const safe = await keep();
    say(safe ? "登录已过期。填的内容已加密存在这台设备上，重新登录后打开本页接着填：" : "登录已过期。请不要关闭页面，在新标签页登录后再发出：", "warning");
    const link = document.createElement("a");
    link.href = document.querySelector('meta[name="login"]').content;
    link.target = "_blank";
    link.rel = "noopener";
    link.textContent = "登录";
    status.lastElementChild.append(link);
  }

  /* ---------- photos are made small before they travel ---------- */
  async function small(file) {
    if (!file.type.startsWith("image/") || (/^image\/(jpeg|png)$/.test(file.type) && file.size < 400000)) return file;
    try {
      const picture = await createImageBitmap(file), scale = Math.min(1, WIDEST / Math.max(picture.width, picture.height));
      const canvas = document.createElement("canvas");
      canvas.width = Math.round(picture.width * scale);
      canvas.height = Math.round(picture.height * scale);
      canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
      const blob = await new Promise((done) => { canvas.toBlob(done, "image/jpeg", 0.8); });
      return blob ? new File([blob], file.name.replace(/\.\w+$/, "") + ".jpg", { type: "image/jpeg" }) : file;
    } catch { return file; } /* the server says whether it takes it */
  }
  photos.addEventListener("change", () => { told.textContent = photos.files.length ? `已选 ${photos.files.length} 张` : ""; });

  /* ---------- sent, once ---------- */
  function wrong(errors) {
    form.querySelectorAll(".field-error").forEach((each) => each.remove());
    form.querySelectorAll("[aria-invalid]").forEach((each) => each.removeAttribute("aria-invalid"));
    const names = Object.keys(errors).filter((name) => form.elements[name]);
    names.forEach((name) => {
      const box = document.createElement("div");
      box.className = "field-error";
      box.id = `id_${name}_error`;
      box.textContent = errors[name];
      form.elements[name].setAttribute("aria-invalid", "true");
      form.elements[name].after(box);
    });
    if (names.length) form.elements[names[0]].focus();
    say("还没有发出：请改好红字的地方。", "error");
  }
  async function send() {
    clearTimeout(timer);
    if (saving) await saving;
    if (leaving) return; /* the last save has said that it was sent before */
    say("正在发出…");
    const body = new FormData(form);
    body.delete("photos");
    for (const file of photos.files) body.append("photos", await small(file));
    let answer;
    try { answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } }); } catch { await alone(); return; }
    if (answer.redirected || answer.status === 403) { await signedOut(); return; }
    if (answer.status === 422) {
      const said = await answer.json();
      if (said.errors) wrong(said.errors); else say(said.refused.join("；"), "error");
      return;
    }
    if (!answer.ok) { await keep(); say("系统出错，还没有发出。请稍后再点“发出”。", "error"); return; }
    leaving = true;
    erase();
    location.assign((await answer.json()).url);
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (sending || leaving) return;
    sending = true;
    event.submitter && (event.submitter.disabled = true);
    send().finally(() => { if (!leaving) { sending = false; event.submitter && (event.submitter.disabled = false); } });
  });

  form.addEventListener("input", () => {
    if (offered) return;
    clearTimeout(pending);
    pending = setTimeout(() => { if (text() !== stored) keep(); }, LOCAL);
    if (!timer) later(EVERY);
  });
  document.addEventListener("visibilitychange", () => { if (document.hidden && !leaving && text() !== stored) keep(); });
  window.addEventListener("online", () => { save(); });
  window.addEventListener("beforeunload", (event) => { if (!leaving && !key && text() !== stored) { event.preventDefault(); event.returnValue = ""; } });
  offer();
})();
