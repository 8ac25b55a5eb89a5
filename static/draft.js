/* The editor of policies: a line number beside a finding leads to that line of the text. */
(() => {
  "use strict";
  const area = document.getElementById("id_text");
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-line]");
    if (!button || !area) return;
    const lines = area.value.split("\n"), at = Math.min(Number(button.dataset.line), lines.length) - 1;
    const start = lines.slice(0, at).reduce((length, line) => length + line.length + 1, 0);
    area.focus();
    area.setSelectionRange(start, start + lines[at].length);
    area.scrollTop = (area.scrollHeight / lines.length) * at - area.clientHeight / 3;
    area.scrollLeft = 0;
    area.scrollIntoView({ block: "nearest" });
  });
})();
