/* Behaviour shared by all pages. No framework, no inline handlers: everything hangs on data-* attributes.
   Loaded without `defer` so that 大字 is set before the first paint; the rest waits for the document. */
(function () {
  "use strict";
  const root = document.documentElement;
  const all = (selector, inside) => Array.from((inside || document).querySelectorAll(selector));
  const remembered = (name) => { try { return localStorage.getItem(name) === "1"; } catch { return false; } };
  const remember = (name, on) => { try { localStorage.setItem(name, on ? "1" : "0"); } catch { /* private mode */ } };

  root.classList.toggle("large-text", remembered("large-text"));

  /* ---------- switches: 大字, single keys ---------- */
  function showSwitches() {
    all("[data-switch]").forEach((button) => button.setAttribute("aria-pressed", remembered(button.dataset.switch)));
  }
  function flip(name) {
    remember(name, !remembered(name));
    root.classList.toggle("large-text", remembered("large-text"));
    showSwitches();
    window.dispatchEvent(new Event("resize"));
  }

  /* ---------- messages ---------- */
  const ICONS = { success: "check-circle", warning: "exclamation-triangle", error: "x-octagon", info: "info-circle" };
  function say(text, tone) {
    const messages = document.getElementById("messages"), last = messages.lastElementChild;
    if (last && last.children[1].textContent.trim() === text) return; /* a poll that fails again says it once */
    const box = document.createElement("div");
    box.className = "notice " + (tone || "info");
    box.innerHTML = '<i class="bi" aria-hidden="true"></i><div></div>' +
      '<button type="button" class="icon-button" data-dismiss aria-label="关闭提示"><i class="bi bi-x-lg" aria-hidden="true"></i></button>';
    box.firstElementChild.classList.add("bi-" + (ICONS[tone] || ICONS.info));
    box.children[1].textContent = text;
    messages.append(box);
    box.scrollIntoView({ block: "nearest" });
  }

  /* ---------- scripts that only some pages need ---------- */
  const loading = {};
  function script(meta) {
    const src = document.querySelector(`meta[name="${meta}"]`).content;
    loading[src] = loading[src] || new Promise((resolve, reject) => {
      const tag = document.createElement("script");
      tag.src = src;
      tag.onload = resolve;
      tag.onerror = reject;
      document.head.append(tag);
    });
    return loading[src];
  }

  /* ---------- charts: drawn from the table beside them, so the two cannot differ ---------- */
  const INK = { colours: ["#1b5aa8", "#6a43a5", "#3f8f8a", "#8a6d3b", "#5d7390", "#a0527a"], text: "#1e2733", muted: "#55616f", line: "#dce2ea", bad: "#b3261e" };
  function readTable(table) {
    const number = (cell) => (cell.dataset.value === "" ? null : Number(cell.dataset.value));
    const rows = all("tbody tr", table);
    return {
      labels: rows.map((row) => row.cells[0].textContent.trim()),
      links: rows.map((row) => (row.querySelector("a") || {}).href),
      series: all("thead th", table).slice(1).map((head, i) => ({
        name: head.textContent.trim(), values: rows.map((row) => number(row.cells[i + 1])),
      })),
    };
  }
  function chartOption(figure, data) {
    const { kind, unit, target } = figure.dataset;
    const size = parseFloat(getComputedStyle(root).fontSize) * 0.867;
    const text = { fontFamily: getComputedStyle(document.body).fontFamily, fontSize: size, color: INK.text };
    const lying = kind === "rows", width = figure.querySelector(".chart-canvas").clientWidth;
    const labels = { type: "category", data: data.labels, inverse: lying, axisTick: { show: false },
      axisLabel: { ...text, interval: lying || data.labels.length < 9 ? 0 : "auto", ...(lying ? { width: width * 0.35, overflow: "break" } : {}) }, axisLine: { lineStyle: { color: INK.muted } } };
    const values = { type: "value", name: unit, nameTextStyle: { ...text, color: INK.muted },
      splitNumber: lying && width < 480 ? 2 : 5, axisLabel: { ...text, color: INK.muted, hideOverlap: true }, splitLine: { lineStyle: { color: INK.line } } };
    const series = data.series.map((one) => ({
      name: one.name, data: one.values, type: kind === "line" ? "line" : "bar", barMaxWidth: 28,
      stack: kind === "stacked" ? "all" : undefined, symbolSize: 7, cursor: data.links.some(Boolean) ? "pointer" : "default",
      label: { ...text, show: data.series.length === 1 && data.labels.length < 13, position: lying ? "right" : "top",
        formatter: (point) => (point.value === null ? "" : point.value.toLocaleString("zh-CN")) },
    }));
    if (target) {
      series.push({ name: figure.dataset.targetLabel, type: "line", symbol: "none", color: INK.bad, tooltip: { show: false },
        lineStyle: { type: "dashed" }, data: data.labels.map(() => Number(target)) });
    }
    return {
      color: INK.colours, animation: !matchMedia("(prefers-reduced-motion: reduce)").matches, textStyle: text,
      aria: { enabled: true, label: { description: figure.querySelector("figcaption").textContent.trim() + "，数据见旁边的表格。" } },
      grid: { left: 8, right: lying ? 64 : 16, top: series.length > 1 ? 72 : 40, bottom: 8, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
      legend: series.length > 1 ? { top: 0, left: 0, textStyle: text, itemHeight: 10 } : undefined,
      tooltip: { trigger: "axis", renderMode: "richText", axisPointer: { type: "shadow" }, textStyle: text,
        valueFormatter: (value) => (value === null || value === undefined ? "—" : value.toLocaleString("zh-CN") + " " + unit) },
      xAxis: lying ? { ...values, name: "" } : labels, yAxis: lying ? labels : values, series,
    };
  }
  function drawCharts(inside) {
    all("[data-chart]", inside).forEach((figure) => script("echarts").then(() => {
      const data = readTable(figure.querySelector("table"));
      const canvas = figure.querySelector(".chart-canvas");
      if (echarts.getInstanceByDom(canvas)) return;
      const chart = echarts.init(canvas);
      chart.setOption(chartOption(figure, data));
      chart.on("click", (point) => { if (data.links[point.dataIndex]) location.href = data.links[point.dataIndex]; });
      window.addEventListener("resize", () => { chart.resize(); chart.setOption(chartOption(figure, data)); });
    }));
  }

  /* ---------- long lists: Tom Select on select[data-pick]; data-pick-url is asked by POST, so names stay out of URLs ---------- */
  function askServer(url) {
    return (query, done) => {
      const headers = JSON.parse(document.body.getAttribute("hx-headers") || "{}");
      fetch(url, { method: "POST", headers, body: new URLSearchParams({ q: query }) })
        .then((answer) => (answer.ok ? answer.json() : { results: [] }))
        .then((json) => done(json.results), () => done());
    };
  }
  function pickers(inside) {
    all("select[data-pick]", inside).filter((select) => !select.tomselect).forEach((select) => script("tom-select").then(() => {
      if (select.tomselect) return;
      const line = (item, escape) => `<div>${escape(item.text)}${item.hint ? ` <small>${escape(item.hint)}</small>` : ""}</div>`;
      new TomSelect(select, {
        plugins: select.multiple ? ["remove_button"] : [], maxOptions: 200, allowEmptyOption: true, hidePlaceholder: true,
        searchField: ["text", "hint"], load: select.dataset.pickUrl ? askServer(select.dataset.pickUrl) : null,
        render: { option: line, no_results: () => '<div class="no-results">没有找到，请换一个词。</div>', loading: () => '<div class="no-results">正在查找…</div>' },
        onInitialize: () => select.setAttribute("aria-hidden", "true"), /* the visible control carries the label */
        onChange: () => select.dispatchEvent(new Event("input", { bubbles: true })),
      });
    }));
  }

  /* ---------- filter bar: chips of what is set ---------- */
  function valueOf(control) {
    if (control.type === "checkbox" || control.type === "radio") return control.checked ? (control.labels[0] || {}).textContent || "是" : "";
    if (control.tagName === "SELECT") return Array.from(control.selectedOptions).filter((o) => o.value).map((o) => o.text.trim()).join("、");
    return control.value;
  }
  function clearControl(control) {
    if (control.type === "checkbox" || control.type === "radio") control.checked = false;
    else if (control.tomselect) control.tomselect.clear();
    else control.value = "";
  }
  function chips(inside) {
    all("form[data-filters]", inside).forEach((form) => {
      const list = form.querySelector(".chips") || document.createElement("ul");
      /* Only what is set goes into the address. */
      form.addEventListener("formdata", ({ formData }) => Array.from(formData).forEach(([name, value]) => value === "" && formData.delete(name)));
      all(".field", form).forEach((field) => {
        const controls = all("input:not([type=hidden]), select, textarea", field).filter((c) => c.name);
        const shown = controls.map(valueOf).map((v) => v.trim()).filter(Boolean).join(" — ");
        if (!shown) return;
        const name = field.querySelector("legend, label").textContent.trim();
        const item = document.createElement("li");
        item.className = "chip";
        item.append(field.classList.contains("tick") ? name : `${name}：${shown}`);
        const button = document.createElement("button");
        button.type = "button";
        button.className = "no-print";
        button.setAttribute("aria-label", `去掉条件 ${name}`);
        button.innerHTML = '<i class="bi bi-x" aria-hidden="true"></i>';
        button.addEventListener("click", () => { controls.forEach(clearControl); form.requestSubmit(); });
        item.append(button);
        list.append(item);
        const more = field.closest("details");
        if (more) more.open = true;
      });
      list.hidden = !list.children.length;
    });
  }

  /* ---------- file drop ---------- */
  function size(bytes) { return bytes < 1048576 ? `${Math.ceil(bytes / 1024)} KB` : `${(bytes / 1048576).toFixed(1)} MB`; }
  function shownFiles(zone) {
    const input = zone.querySelector("input"), out = zone.querySelector("output"), limit = Number(zone.dataset.limitMb);
    const endings = input.accept.toLowerCase().split(",").map((e) => e.trim()).filter(Boolean);
    const wrong = Array.from(input.files).find((f) => endings.length && !endings.some((e) => f.name.toLowerCase().endsWith(e)));
    const big = Array.from(input.files).find((f) => limit && f.size > limit * 1048576);
    out.classList.toggle("bad", Boolean(wrong || big));
    if (wrong) out.textContent = `不能读取“${wrong.name}”。请另存为 ${endings.join("、")} 后再选。`;
    else if (big) out.textContent = `“${big.name}”有 ${size(big.size)}，超过 ${limit} MB。请拆成几个文件。`;
    else out.textContent = Array.from(input.files).map((f) => `${f.name}（${size(f.size)}）`).join("、");
    if (wrong || big) input.value = "";
  }
  function dropZones(inside) {
    all("[data-drop]", inside).forEach((zone) => {
      const input = zone.querySelector("input");
      input.addEventListener("change", () => shownFiles(zone));
      ["dragover", "dragenter"].forEach((name) => zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.add("over"); }));
      ["dragleave", "drop"].forEach((name) => zone.addEventListener(name, () => zone.classList.remove("over")));
      zone.addEventListener("drop", (event) => {
        event.preventDefault();
        input.files = event.dataTransfer.files;
        input.dispatchEvent(new Event("change", { bubbles: true }));
      });
    });
  }

  /* ---------- unsaved changes ---------- */
  let changed = false;
  const guarded = (event) => event.target.closest && event.target.closest("form[data-main], form[data-guard]");
  document.addEventListener("input", (event) => { if (guarded(event)) changed = true; });
  document.addEventListener("submit", (event) => {
    if (guarded(event)) changed = false;
    /* A second click must not send twice; the server is safe against it anyway. */
    const button = event.submitter, here = event.target.getAttribute("method") === "dialog" || event.target.hasAttribute("hx-post");
    if (!button || here) return;
    setTimeout(() => { button.disabled = !event.defaultPrevented; }, 0);
    setTimeout(() => { button.disabled = false; }, 5000); /* the answer may be a file, and the page stays */
  });
  window.addEventListener("beforeunload", (event) => { if (changed) { event.preventDefault(); event.returnValue = ""; } });
  window.addEventListener("pageshow", (event) => { if (event.persisted) all("button[disabled]").forEach((b) => { b.disabled = false; }); });

  /* ---------- keys ---------- */
  function step(by) {
    const rows = all("[data-list] tbody tr").filter((row) => row.querySelector("a, button"));
    if (!rows.length) return;
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    const row = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(rows.length - 1, Math.max(0, at + by))];
    (row.querySelector("[data-open]") || row.querySelector("a, button")).focus();
    row.scrollIntoView({ block: "nearest" });
  }
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
      const form = document.querySelector("form[data-main]");
      if (form) { event.preventDefault(); form.requestSubmit(); }
      return;
    }
    if (event.key === "Escape") closeMenus();
    const typing = event.target.closest("input, select, textarea, [contenteditable], dialog");
    if (typing || event.ctrlKey || event.altKey || event.metaKey || event.isComposing || remembered("no-single-keys")) return;
    if (event.key === "/") { event.preventDefault(); document.querySelector("[data-search]")?.focus(); }
    else if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "?") document.getElementById("keys")?.showModal();
  });

  /* ---------- clicks ---------- */
  function closeMenus(except) {
    all("details.menu[open]").filter((menu) => menu !== except).forEach((menu) => {
      if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
      menu.open = false;
    });
  }
  function copy(button) {
    const text = button.dataset.copy;
    const done = () => { button.setAttribute("aria-label", "已复制"); button.firstElementChild.className = "bi bi-check-lg"; };
    if (navigator.clipboard) { navigator.clipboard.writeText(text).then(done); return; }
    /* Plain http in an office network has no clipboard object. */
    const area = document.createElement("textarea");
    area.value = text;
    button.after(area);
    area.select();
    if (document.execCommand("copy")) done();
    area.remove();
    button.focus();
  }
  function reveal(button) {
    const dialog = document.getElementById("reveal");
    dialog.querySelector("[data-what]").textContent = button.dataset.what;
    dialog.returnValue = "";
    dialog.onclose = () => {
      const purpose = dialog.returnValue === "other" ? dialog.querySelector("input").value.trim() : dialog.returnValue;
      if (purpose) htmx.ajax("POST", button.dataset.reveal, { source: button, target: button.closest(".masked"), swap: "outerHTML", values: { purpose } });
      else button.focus();
    };
    dialog.showModal();
  }
  document.addEventListener("click", (event) => {
    closeMenus(event.target.closest("details.menu"));
    const at = (selector) => event.target.closest(selector);
    let hit;
    if ((hit = at("[data-switch]"))) flip(hit.dataset.switch);
    else if ((hit = at("[data-dismiss]"))) hit.closest(".notice").remove();
    else if ((hit = at("[data-dialog]"))) { closeMenus(); document.getElementById(hit.dataset.dialog).showModal(); }
    else if ((hit = at("[data-close]"))) hit.closest("dialog").close("");
    else if ((hit = at("[data-copy]"))) copy(hit);
    else if ((hit = at("[data-reveal]"))) reveal(hit);
    else if (at("[data-print]")) window.print();
    else if ((hit = at("[data-toggle]"))) {
      hit.setAttribute("aria-expanded", document.getElementById(hit.dataset.toggle).classList.toggle("open"));
    } else if ((hit = at("[data-show-password]"))) {
      const input = document.getElementById(hit.dataset.showPassword);
      input.type = input.type === "password" ? "text" : "password";
      hit.textContent = input.type === "text" ? "隐藏" : "显示";
    }
  });

  /* ---------- htmx: say what went wrong, never swap a login page into a corner ---------- */
  const WORDS = { 403: "没有权限做这一步。", 404: "内容已不存在，请刷新页面。", 409: "现在不能做这一步，请刷新页面看最新情况。", 413: "文件太大。", 429: "操作太快，请稍等一会儿。" };
  document.addEventListener("htmx:responseError", (event) => {
    const xhr = event.detail.xhr, plain = (xhr.getResponseHeader("Content-Type") || "").startsWith("text/plain");
    say(plain && xhr.responseText.length < 300 ? xhr.responseText : WORDS[xhr.status] || "系统出错，刚才的操作没有生效，请稍后再试。", "error");
  });
  document.addEventListener("htmx:sendError", () => say("网络不通，刚才的操作没有送到。请检查网络后再试。", "error"));
  document.addEventListener("htmx:beforeSwap", (event) => {
    const login = document.querySelector('meta[name="login"]')?.content;
    if (login && new URL(event.detail.xhr.responseURL, location.href).pathname === login) {
      event.detail.shouldSwap = false;
      changed = false;
      location.reload();
    }
  });
  document.addEventListener("htmx:load", (event) => { if (event.detail.elt !== document.body) dress(event.detail.elt); });

  /* A table that fits scrolls with the page (one scroll bar, one tab stop less); a wider one scrolls in its frame. */
  const fitting = new ResizeObserver((seen) => seen.forEach(({ target: box }) => {
    const fits = box.querySelector("table").offsetWidth <= box.clientWidth;
    box.classList.toggle("fits", fits);
    if (fits) box.removeAttribute("tabindex"); else box.tabIndex = 0;
  }));
  function frames(inside) { all(".table-scroll", inside).forEach((box) => fitting.observe(box)); }

  /* A list turned into cards keeps its meaning for screen readers. */
  function tableRoles(inside) {
    const roles = { table: "table", thead: "rowgroup", tbody: "rowgroup", tfoot: "rowgroup", tr: "row", td: "cell", "thead th": "columnheader", "tbody th": "rowheader", "tfoot th": "rowheader" };
    all(".stacks", inside).forEach((box) => Object.entries(roles).forEach(([tag, role]) => all(tag, box).forEach((e) => e.setAttribute("role", role))));
  }
  function dress(inside) {
    [frames, chips, drawCharts, pickers, dropZones, tableRoles].forEach((one) => one(inside));
    showSwitches();
  }
  document.addEventListener("DOMContentLoaded", () => {
    dress(document);
    for (const dialog of all("dialog[open]")) { dialog.close(); dialog.showModal(); } // what was refused comes back open
  });
})();
