/* The application form saves itself: every few seconds and when a field is left. What was typed stays on the page until
   the server has it, also when the session is over or somebody else has saved the same form. */
(() => {
  "use strict";
  const form = document.querySelector("form[data-autosave]");
  if (!form) return;
  const EVERY = 4000, AGAIN = 8000;
  const status = document.getElementById("autosave"), clash = document.getElementById("conflict");
  const rows = form.querySelector("[data-family]"), template = document.getElementById("family-row");
  const SENT = ["csrfmiddlewaretoken", "version", "boxes-sent", "family-sent", "rows", "do"];
  let version = form.dataset.stored, token = form.elements.csrfmiddlewaretoken.value;
  let stored = snapshot(), sending = null, expired = false, leaving = false, timer = 0;
  form.elements.version.value = version; /* a browser restores old values of inputs after a reload */

  /* ---------- what stands in the form: name → texts; the family as one text ---------- */
  function snapshot() {
    const found = { boxes: [], family: "" };
    for (const [name, value] of new FormData(form)) {
      if (SENT.includes(name) || name.startsWith("family-")) continue;
      (found[name] = found[name] || []).push(value);
    }
    found.family = JSON.stringify(family());
    return found;
  }
  function family() {
    return Array.from(rows.rows, (row) => Object.fromEntries(Array.from(row.querySelectorAll("input"), (i) => [i.name.slice(7), i.value.trim()])))
      .filter((line) => Object.values(line).some(Boolean));
  }
  const text = (snap, name) => (name === "family" ? snap.family : JSON.stringify([...(snap[name] || [])].sort()));
  const dirty = () => { const now = snapshot(); return [...new Set([...Object.keys(now), ...Object.keys(stored)])].some((name) => text(now, name) !== text(stored, name)); };

  /* ---------- telling ---------- */
  function say(words, tone) {
    status.hidden = false;
    status.className = "notice sticky-bottom " + (tone || "info");
    status.lastElementChild.textContent = words;
  }
  function element(tag, words, className) {
    const made = document.createElement(tag);
    made.textContent = words;
    if (className) made.className = className;
    return made;
  }
  function showProblems(answer) {
    const box = element("div", "", "notice " + (answer.problems.length ? "warning" : "success"));
    const inner = element("div", answer.problems.length ? "" : "填完了，可以提交。");
    if (answer.problems.length) {
      inner.append(element("strong", "还缺："));
      const list = document.createElement("ul");
      answer.problems.forEach((problem) => list.append(element("li", problem.sentence)));
      inner.append(list);
    }
    box.append(inner);
    document.getElementById("problems").replaceChildren(box);
    const income = answer.income_per_head;
    document.getElementById("income").textContent = income ? "￥" + Number(income).toLocaleString("zh-CN", { minimumFractionDigits: 2 }) : "—";
  }
  function showErrors(errors) {
    form.querySelectorAll(".field-error").forEach((each) => each.remove());
    form.querySelectorAll("[aria-invalid]").forEach((each) => each.removeAttribute("aria-invalid"));
    for (const [name, sentence] of Object.entries(errors)) {
      const [, row, cell] = name.match(/^family-(\d+)-(\w+)$/) || [];
      const filled = Array.from(rows.rows).filter((line) => Array.from(line.querySelectorAll("input")).some((i) => i.value.trim()));
      const input = cell ? filled[row] && filled[row].querySelector(`[name="family-${cell}"]`) : form.elements[name];
      if (!input || !input.after) continue;
      input.setAttribute("aria-invalid", "true");
      input.after(element("div", sentence, "field-error"));
    }
  }

  /* ---------- saving ---------- */
  async function save() {
    if (expired || asking()) return false;
    clearTimeout(timer);
    timer = 0;
    while (sending) await sending; /* one at a time: of several that waited the first sends what all would */
    if (expired || asking()) return false; /* the one waited for has met the end of the session or another's version */
    if (leaving || !dirty()) return true;
    sending = send().finally(() => { sending = null; });
    return sending;
  }
  async function send() {
    const sent = snapshot(), body = new FormData(form);
    body.set("csrfmiddlewaretoken", token);
    body.set("version", version);
    body.set("do", "save");
    let answer;
    try {
      answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
    } catch {
      say("网络不通，刚才填的还没有保存。请不要关闭页面，网络恢复后会自动再存。", "error");
      return later();
    }
    if (answer.redirected || answer.status === 403) return signedOut();
    if (answer.status === 409) return conflicting(await answer.json());
    if (answer.status === 422) { say((await answer.json()).refused.join("；"), "error"); return false; }
    if (!answer.ok) { say("系统出错，刚才填的还没有保存，稍后会自动再存。", "error"); return later(); }
    const told = await answer.json();
    version = told.version;
    form.elements.version.value = version;
    stored = sent;
    Object.keys(told.errors).forEach((name) => { stored[name.startsWith("family") ? "family" : name] = [null]; }); /* not there yet */
    ["phone", "parent_phone"].forEach((name) => takenPhone(name, told, sent));
    clash.hidden = true;
    showErrors(told.errors);
    showProblems(told);
    say(Object.keys(told.errors).length ? "已自动保存，但有几项写得不对，请看红字。" : `已自动保存 ${told.at}`, Object.keys(told.errors).length ? "warning" : "success");
    return true;
  }
  function later() { timer = setTimeout(save, AGAIN); return false; }
  /* A number that has arrived is not kept in clear on the page. */
  function takenPhone(name, told, sent) {
    const input = form.elements[name];
    if (told.errors[name] || !input.value || input.value !== (sent[name] || [""])[0]) return;
    if (document.activeElement === input) return;
    input.value = "";
    input.placeholder = told.masks[name] ? "已填 " + told.masks[name] : "";
    stored[name] = [""];
  }
  /* The session is over: everything stays here; after signing in in another tab the page fetches a fresh token and goes on. */
  function signedOut() {
    expired = true;
    say("", "warning");
    const link = element("a", "在新标签页登录");
    link.href = document.querySelector('meta[name="login"]').content;
    link.target = "_blank";
    link.rel = "noopener";
    status.lastElementChild.append("登录已过期。您填的内容还在这个页面上，没有丢：请", link, "，登录后这里会自动保存。");
    timer = setTimeout(comeBack, 1000);
    return false;
  }
  async function comeBack() {
    try {
      const answer = await fetch(location.pathname);
      const page = !answer.redirected && answer.ok && new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page && page.querySelector("#application-form [name=csrfmiddlewaretoken]");
      if (fresh) {
        token = form.elements.csrfmiddlewaretoken.value = fresh.value;
        expired = false;
        save();
        return;
      }
    } catch { /* asked again */ }
    timer = setTimeout(comeBack, 3000);
  }

  /* ---------- somebody else has saved: what only they changed comes in, what only I changed stays, the rest is asked ---------- */
  function conflicting(told) {
    const mine = snapshot(), open = [];
    for (const each of told.differences) {
      const name = each.name, theirs = theirText(told.stored, name);
      if (text(mine, name) === text(stored, name)) put(name, told.stored);
      else if (theirs !== text(stored, name)) open.push(each);
    }
    version = told.version;
    form.elements.version.value = version;
    stored = theirSnapshot(told.stored);
    if (!open.length) { say(`${told.by} 也在填这份申请，对方填的已合并进来。`, "info"); timer = setTimeout(save, 0); return false; }
    ask(told, open);
    return false;
  }
  function theirSnapshot(values) {
    const found = { boxes: values.boxes, family: JSON.stringify(values.family) };
    for (const [name, value] of Object.entries(values)) {
      if (name === "boxes" || name === "family" || !form.elements[name]) continue;
      if (value !== "" || (form.elements[name].type !== "checkbox" && !(form.elements[name] instanceof RadioNodeList))) found[name] = [value];
    }
    return found;
  }
  const theirText = (values, name) => text(theirSnapshot(values), name);
  function put(name, values) {
    if (name === "family") {
      rows.replaceChildren();
      values.family.forEach((line) => { const row = addRow(); Object.entries(line).forEach(([cell, value]) => { row.querySelector(`[name="family-${cell}"]`).value = value; }); });
      if (!values.family.length) addRow();
    } else if (name === "boxes") {
      form.querySelectorAll('input[type=checkbox][name=boxes]').forEach((box) => { box.checked = values.boxes.includes(box.value); });
    } else if (form.elements[name] instanceof RadioNodeList || form.elements[name].type !== "checkbox") form.elements[name].value = values[name];
    else form.elements[name].checked = Boolean(values[name]);
  }
  function ask(told, open) {
    const inner = clash.lastElementChild;
    inner.replaceChildren(element("strong", `${told.by} ${told.at} 也保存了这份申请，下列内容与您填的不同，请逐项选择：`));
    const list = document.createElement("ul");
    open.forEach((each) => {
      const item = element("li", `${each.label}：对方填“${each.theirs}”，您填“${each.mine}” `);
      const keep = element("button", "用我的", "btn btn-plain btn-sm"), take = element("button", "用对方的", "btn btn-plain btn-sm");
      keep.type = take.type = "button";
      keep.setAttribute("aria-label", `${each.label}用我的`);
      take.setAttribute("aria-label", `${each.label}用对方的`);
      keep.addEventListener("click", () => settled(item, list));
      take.addEventListener("click", () => { put(each.name, told.stored); settled(item, list); });
      item.append(keep, " ", take);
      list.append(item);
    });
    inner.append(list);
    clash.hidden = false;
    clash.scrollIntoView({ block: "center" });
    say("还没有保存：请先在下面选择用谁填的。", "warning");
  }
  function settled(item, list) {
    item.remove();
    if (list.children.length) return;
    clash.hidden = true;
    save();
  }
  const asking = () => !clash.hidden;

  /* ---------- rows of the family ---------- */
  function addRow() {
    rows.append(template.content.cloneNode(true));
    return rows.rows[rows.rows.length - 1];
  }

  form.addEventListener("click", (event) => {
    const add = event.target.closest("[data-add-row]"), remove = event.target.closest("[data-remove-row]");
    if (add) {
      event.preventDefault();
      if (rows.rows.length < 14) addRow().querySelector("input").focus();
    } else if (remove) {
      event.preventDefault();
      remove.closest("tr").remove();
      if (!rows.rows.length) addRow();
      save();
    }
  });
  form.addEventListener("input", () => { if (!timer && !asking()) timer = setTimeout(() => { timer = 0; save(); }, EVERY); });
  form.addEventListener("focusout", () => { if (!asking() && dirty()) save(); });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") { event.preventDefault(); if (!asking()) save(); }
  });
  /* 保存 and 提交: first as every few seconds, then on with the page. */
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = event.submitter;
    if (asking()) { clash.scrollIntoView({ block: "center" }); return; }
    const saved = await save();
    if (saved === false) return;
    leaving = true;
    const hidden = document.createElement("input");
    hidden.type = "hidden";
    hidden.name = "do";
    hidden.value = (button && button.value) || "save";
    form.append(hidden);
    form.submit();
  });
  window.addEventListener("beforeunload", (event) => { if (!leaving && dirty()) { event.preventDefault(); event.returnValue = ""; } });
})();
