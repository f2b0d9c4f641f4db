// The demo's own script: a search with ads for what is searched, a basket whose steps change in
// place, an advertiser's form, and a receipt that shows what Footfall's script sends from this page.
// Everything else is plain HTML.
"use strict";

// ---- Receipt: every beacon of this page, and what the server said ----

const list = document.querySelector(".receipt-list");

function show(event) {
  const details = {
    pageview: () => new URL(event.url).pathname,
    engagement: () =>
      `${(event.engaged_ms / 1000).toFixed(1)} s in front of you, ${event.scroll_pct} % seen`,
    search: () => `“${event.query}”, ${event.results} found`,
    action: () =>
      event.name + (event.value ? `, ${event.value.amount} ${event.value.currency}` : ""),
    impression: () => `${event.ad} at ${event.placement}, position ${event.position}`,
    view: () => `${event.ad} in view for ${(event.viewable_ms / 1000).toFixed(1)} s`,
    conversion: () => event.goal + (event.click ? ", by a click on an ad" : ""),
  };
  const cell = (tag, name, text) => {
    const element = document.createElement(tag);
    element.className = name;
    element.textContent = text;
    return element;
  };
  const outcome = cell("span", "", "sending");
  const item = document.createElement("li");
  item.append(
    cell("time", "", new Date(event.time).toLocaleTimeString("en-GB")),
    cell("span", "what", event.type),
    cell("span", "detail", details[event.type] ? details[event.type]() : ""),
    outcome,
  );
  document.querySelector(".receipt-empty").hidden = true;
  list.hidden = false;
  list.prepend(item);
  while (list.children.length > 8) list.lastChild.remove();
  return outcome;
}

const realFetch = window.fetch;
window.fetch = function (address, options) {
  const reply = realFetch.apply(this, arguments);
  if (options && options.method === "POST" && new URL(address, location).pathname.endsWith("/e")) {
    const events = [].concat(JSON.parse(options.body));
    const outcomes = events.map(show);
    const settle = (name, text) => {
      for (const outcome of outcomes) {
        outcome.className = name;
        outcome.textContent = text;
      }
    };
    reply.then(
      ({ ok, status, headers }) => {
        if (headers.get("Footfall-Dropped")) settle("failed", "left out");
        else settle(ok ? "stored" : "failed", ok ? "stored" : `refused (${status})`);
      },
      () => settle("failed", "not reached"),
    );
  }
  return reply;
};

// ---- Shop ----

/** Calls Footfall, also before its script has loaded or when it is blocked. */
function tell(type, fields) {
  window.footfall =
    window.footfall ||
    function () {
      (footfall.q = footfall.q || []).push(arguments);
    };
  footfall(type, fields);
}

function search() {
  const form = document.querySelector("form.search");
  const wanted = new URLSearchParams(location.search);
  const query = (wanted.get("q") || "").trim();
  if (!form || !query) return;
  const kind = wanted.get("kind") || "";
  form.elements.q.value = query;
  form.elements.kind.value = kind;
  let results = 0;
  for (const item of document.querySelectorAll(".results li")) {
    const fits =
      (!kind || item.dataset.kind === kind) &&
      query
        .toLowerCase()
        .split(/\s+/)
        .every((word) => item.dataset.words.includes(word));
    item.hidden = !fits;
    if (fits) results++;
  }
  document.querySelector(".found").textContent = results
    ? `${results} found for “${query}”`
    : `Nothing found for “${query}”. The dashboard lists searches like this one, too.`;
  tell("search", { query, results, filters: kind ? { kind } : undefined });
  advertise(query);
}

/** Ads for a search: which one stands first depends on what is searched. */
function advertise(query) {
  const ads = [
    ["demo-hut-weekend", "Two nights, one price", "Hut & Hearth, until the snow comes"],
    ["demo-sleeper", "Asleep to the Alps", "Night Rail"],
  ];
  if (query.length % 2) ads.reverse();
  ads.forEach(([ad, title, text], i) => {
    const link = document.createElement("a");
    const search = new URLSearchParams({ placement: "demo-search", position: i + 1, query });
    link.href = `../c/${ad}?${search}`;
    link.rel = "noopener nofollow sponsored";
    for (const [tag, content] of [
      ["span", "Ad"],
      ["strong", title],
      ["span", text],
    ]) {
      const part = document.createElement(tag);
      part.textContent = content;
      link.append(part);
    }
    link.firstChild.className = "mark";
    const box = document.createElement("div");
    box.className = "promo";
    box.dataset.footfallAd = ad;
    box.dataset.footfallPlacement = "demo-search";
    box.dataset.footfallPosition = i + 1;
    box.dataset.footfallQuery = query;
    box.append(link);
    document.querySelector(".promos").append(box);
  });
}

/** Pages that were shown here, by address: going back to one is done at once. */
const kept = new Map([[location.href, taken(document)]]);

function taken(page) {
  return { main: page.querySelector("main").cloneNode(true), title: page.title };
}

/** Puts another page's content in the place of this one's, without loading the page. */
async function swap(address) {
  if (!kept.has(address)) {
    const reply = await realFetch(address);
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    kept.set(address, taken(page));
  }
  const { main, title } = kept.get(address);
  document.querySelector("main").replaceWith(main.cloneNode(true));
  document.title = title;
  scrollTo(0, 0);
}

document.addEventListener("click", (click) => {
  const link = click.target.closest("a[data-swap]");
  if (!link || click.ctrlKey || click.metaKey || click.shiftKey) return;
  click.preventDefault();
  if ("order" in link.dataset) {
    tell("action", {
      name: "order",
      value: { amount: "213.00", currency: "EUR" },
      props: { items: 2, delivery: "mule" },
    });
  }
  const address = link.href;
  swap(address).then(
    () => {
      history.pushState({}, "", address);
      shown = location.pathname;
    },
    () => (location.href = address),
  );
});

/** Which page's content is shown; a change of the fragment alone is no other page. */
let shown = location.pathname;
addEventListener("popstate", () => {
  if (location.pathname !== shown) swap(location.href).catch(() => location.reload());
  shown = location.pathname;
});

document.addEventListener("submit", (submit) => {
  if (submit.target.matches("form.convert")) {
    submit.preventDefault();
    const { goal, amount, status } = submit.target.dataset;
    tell("conversion", {
      goal,
      status,
      transaction: `demo-${Date.now()}`,
      value: amount && { amount, currency: "EUR" },
    });
    const done = document.querySelector(".done");
    done.hidden = false;
    done.textContent = "Thanks. The dashboard knows in a second or two.";
  }
  if (!submit.target.matches("form.add")) return;
  tell("action", {
    name: "add to basket",
    value: { amount: "189.00", currency: "EUR" },
    props: { product: "Fellside boots", size: submit.target.elements.size.value },
  });
});

search();
