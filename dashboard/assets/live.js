// Follows what happens while the page is visible: asks for a few bytes, and fetches the page only
// when something is new. Parts that did not change stay; so do open tables and the focus.
// Also: links marked data-swap change the page in place, letters choose a period, Escape closes
// menus. Everything works without it.
(() => {
  "use strict";
  const POLL_MS = 800, SLOW_MS = 5000;
  let main = document.getElementById("main"), version = main && main.dataset.version;
  let busy = false, wait = POLL_MS, asked = 0;

  const parts = (root) => root.querySelectorAll("[data-part]");

  function put(next) {
    const active = document.activeElement;
    for (const fresh of parts(next)) {
      const old = document.querySelector(`[data-part="${fresh.dataset.part}"]`);
      if (!old || old.querySelector(".menu[open]")) continue;
      const open = [...old.querySelectorAll("details")].map((d) => d.open);
      const links = [...old.querySelectorAll("a,summary,button")], at = links.indexOf(active);
      fresh.querySelectorAll("details").forEach((d, i) => { d.open = !!open[i]; });
      if (old.isEqualNode(fresh)) continue;
      if (old.matches(":hover") && old.querySelector(".b:hover")) continue;
      old.replaceWith(fresh);
      if (at >= 0) fresh.querySelectorAll("a,summary,button")[at]?.focus({ preventScroll: true });
    }
  }

  async function load(href, push) {
    const ask = ++asked, response = await fetch(href, { headers: { Accept: "text/html" } });
    const html = await response.text();
    if (ask !== asked) return;
    const page = new DOMParser().parseFromString(html, "text/html"), next = page.getElementById("main");
    if (!response.ok || !next || !parts(page).length) { if (push) location.href = href; return; }
    if (push) history.pushState(null, "", href);
    document.title = page.title;
    main.dataset.version = version = next.dataset.version;
    put(page);
  }

  async function look() {
    const began = performance.now();
    const response = await fetch(main.dataset.live);
    if (response.status === 401) return void location.reload();
    if (!response.ok) throw response.status;
    const seen = await response.json();
    const now = document.querySelector("[data-now] b");
    if (now && now.textContent !== seen.now.toLocaleString("en")) {
      now.textContent = seen.now.toLocaleString("en");
      now.closest(".now").classList.toggle("dim", !seen.now);
      now.closest(".now").querySelector(".dot").classList.toggle("off", !seen.now);
    }
    if (String(seen.version) !== version) await load(location.href, false);
    // A slow server is asked less often: never more than a fifth of its time.
    wait = Math.max(POLL_MS, 4 * (performance.now() - began));
  }

  async function tick() {
    if (!busy && !document.hidden && main && main.dataset.live) {
      busy = true;
      try { await look(); } catch { wait = SLOW_MS; version = ""; }
      busy = false;
    }
    setTimeout(tick, wait);
  }

  document.addEventListener("visibilitychange", () => { if (!document.hidden) wait = POLL_MS; });

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-swap]");
    if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    load(link.href, true).catch(() => { location.href = link.href; });
  });
  addEventListener("popstate", () => { location.reload(); });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      for (const menu of document.querySelectorAll(".menu[open]")) {
        menu.open = false;
        menu.querySelector("summary").focus();
      }
      return;
    }
    if (event.metaKey || event.ctrlKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    const link = document.querySelector(`a[data-key="${CSS.escape(event.key.toUpperCase())}"]`);
    if (link) location.href = link.href;
  });

  if (main && main.dataset.live) setTimeout(tick, POLL_MS);
})();
