// Footfall's script: tells the server which pages are seen, for how long and how far.
//
// It keeps nothing on the visitor's device (no cookie, no storage), takes no fingerprint, sends
// nothing at all for visitors who ask not to be counted, and never disturbs the page: whatever goes
// wrong in here stays in here. README.md says what is sent, when, and how often it is tried.

type Fields = Record<string, unknown>;
type Api = {
  (type: string, fields?: Fields): void;
  /** Calls made before this script was loaded. */
  q?: ArrayLike<unknown>[];
  /** Set once a copy of this script is at work. */
  on?: 1;
};
/** An event that is not known to have arrived. */
type Held = { event: Fields; tries: number; since: number; ready: boolean };

/** Attempts per event, the first one included. */
const TRIES_MAX = 4;
/** Events that wait or are on their way; more are let go. */
const HELD_MAX = 50;
/** Events per request: well below the 64 KiB that browsers allow for requests that outlive a page. */
const BATCH_MAX = 10;
/** Nothing is tried again after this time. */
const AGE_MS_MAX = 180_000;
/** The longest wait that a server may ask for. */
const WAIT_MS_MAX = 60_000;
/** A request without an answer for this long has failed. */
const TIMEOUT_MS = 15_000;
/** Routers set the title after the address; page views wait for it this long. */
const TITLE_MS = 100;
/** Less engaged time than this is kept for the next report. */
const ENGAGED_MS_MIN = 1_000;

/** Does what must not disturb the page. */
const quietly = (work: () => void) => {
  try {
    work();
  } catch {}
};
const listen = (target: EventTarget, type: string, listener: (event: Event) => void) =>
  target.addEventListener(type, (event) => quietly(() => listener(event)), { passive: true });

const main = () => {
  const win = window as Window & { footfall?: Api };
  const stub = win.footfall;
  if (stub && stub.on) return;
  const doc = document;
  const nav = navigator as Navigator & { globalPrivacyControl?: boolean };
  if (nav.globalPrivacyControl || nav.doNotTrack == "1") {
    // Pages may go on calling; nothing is kept and nothing is sent.
    win.footfall = Object.assign(() => {}, { on: 1 as const });
    return;
  }
  const root = doc.documentElement;
  const script = (doc.currentScript || doc.querySelector("script[data-site]")) as HTMLScriptElement;
  const option = (name: string) => script.getAttribute("data-" + name);

  // ---- Sending ----

  /** The script's own folder is `/js` beside `/e`, also when a proxy puts both under a path. */
  const endpoint = option("api") || new URL("../e", script.src).href;
  /** Events that wait for their first or next attempt. */
  let waiting: Held[] = [];
  /** How many events are on their way. */
  let flying = 0;

  /** Sends what is ready; when leaving, everything, by way of the browser that outlives the page. */
  const flush = (leaving?: boolean) => {
    waiting = waiting.filter((held) => Date.now() - held.since < AGE_MS_MAX);
    for (;;) {
      const batch = waiting.filter((held) => leaving || held.ready).slice(0, BATCH_MAX);
      if (!batch.length) return;
      waiting = waiting.filter((held) => !batch.includes(held));
      const body = JSON.stringify(
        batch.map(({ event }) => Object.assign(event, { sent_at: Date.now() })),
      );
      if (!(leaving && nav.sendBeacon && nav.sendBeacon(endpoint, body))) post(batch, body);
    }
  };

  /** Only what may pass is tried again; a server that says 400 would say it for ever. */
  const post = (batch: Held[], body: string) => {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
    const done = (failed?: boolean, wait_s?: string | null) => {
      clearTimeout(timer);
      flying -= batch.length;
      batch = batch.filter((held) => failed && ++held.tries < TRIES_MAX);
      if (!batch.length) return;
      for (const held of batch) held.ready = false;
      waiting.push(...batch);
      setTimeout(
        () => {
          for (const held of batch) held.ready = true;
          quietly(flush);
        },
        Math.min(WAIT_MS_MAX, 1000 * (+wait_s! || 4 ** (batch[0].tries - 1))),
      );
    };
    flying += batch.length;
    fetch(endpoint, {
      method: "POST",
      body,
      keepalive: true,
      credentials: "omit",
      signal: abort.signal,
    }).then(
      ({ status, headers }) =>
        done(status > 499 || status == 429 || status == 408, headers.get("retry-after")),
      () => done(true),
    );
  };

  // ---- Events ----

  const hashRouting = option("hash") != null;
  const excluded = (option("exclude") || "").split(",").map((glob) =>
    RegExp(
      "^" +
        glob
          .trim()
          .replace(/[.+?^${}()|[\]\\]/g, "\\$&")
          .replace(/\*/g, ".*") +
        "$",
    ),
  );

  const uuid = () =>
    // Only pages with TLS have randomUUID.
    crypto.randomUUID
      ? crypto.randomUUID()
      : "10000000-1000-4000-8000-100000000000".replace(/[018]/g, (digit) =>
          (+digit ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (+digit / 4)))).toString(
            16,
          ),
        );

  /** Address as far as it is sent: the fragment is nobody's business unless it is the route. */
  const address = (url?: unknown) => {
    const parsed = new URL((url as string) || location.href, location.href);
    if (!hashRouting) parsed.hash = "";
    return parsed;
  };

  /** Puts one event in the queue. */
  const record = (type: string, fields?: Fields) => {
    const url = address(fields && fields.url);
    if (waiting.length + flying >= HELD_MAX) return;
    if (excluded.some((path) => path.test(url.pathname + url.hash))) return;
    const event = Object.assign(
      {
        type,
        id: uuid(),
        site: option("site") || location.hostname,
        time: Date.now(),
        language: nav.language,
        screen: screen.width + "x" + screen.height,
        timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
        account: option("account") || undefined,
        automated: nav.webdriver || undefined,
        hash: hashRouting || undefined,
      },
      fields,
      { url: url.href },
    );
    // A copy: what the page changes later, or what JSON can't carry, must not reach the queue.
    const held: Held = {
      event: JSON.parse(JSON.stringify(event)),
      tries: 0,
      since: Date.now(),
      ready: true,
    };
    waiting.push(held);
    return held;
  };

  // ---- Page views and engagement ----

  /** The page view that is on; there is none before the first, and on excluded pages. */
  let view: Held | undefined;
  /** Where the last page view was. */
  let here: URL | undefined;
  let engaged_ms = 0;
  /** Deepest point that was seen, in pixels from the top. */
  let depth = 0;
  /** Deepest point that was reported, in percent. */
  let reported_pct = 0;
  /** Since when the page has been visible and focused; undefined while it isn't. */
  let since: number | undefined;

  const tick = () => {
    const now = performance.now();
    if (since != null) engaged_ms += now - since;
    since = doc.visibilityState == "visible" && doc.hasFocus() ? now : undefined;
  };

  /** Reports what is new since the last report about the page view that is on. */
  const report = () => {
    tick();
    if (!view) return;
    // Against the height of now: while images load, a page is shorter than it is going to be.
    const scroll_pct = Math.min(100, Math.round((100 * depth) / root.scrollHeight));
    if (engaged_ms < ENGAGED_MS_MIN && scroll_pct <= reported_pct) return;
    reported_pct = Math.max(reported_pct, scroll_pct);
    record("engagement", {
      url: view.event.url,
      pageview: view.event.id,
      engaged_ms: Math.round(engaged_ms),
      scroll_pct: reported_pct,
    });
    engaged_ms = 0;
  };

  /** Begins a page view and ends the one before, which then is the referrer. */
  const begin = (fields?: Fields) => {
    report();
    const referrer = here ? here.href : doc.referrer || undefined;
    here = address();
    engaged_ms = reported_pct = 0;
    depth = win.innerHeight;
    view = record("pageview", Object.assign({ referrer, title: doc.title }, fields));
  };

  /** Begins a page view if the address is another one; after replaceState only a new path is. */
  const moved = (replaced?: boolean) => {
    const before = here!;
    here = address();
    if (
      replaced
        ? here.pathname + here.hash == before.pathname + before.hash
        : here.href == before.href
    )
      return;
    here = before;
    begin();
    const current = view;
    if (current) current.ready = false;
    setTimeout(
      () =>
        quietly(() => {
          if (current) {
            if (current == view) current.event.title = doc.title;
            current.ready = true;
          }
          flush();
        }),
      TITLE_MS,
    );
  };

  const leave = () => {
    report();
    flush(true);
  };

  const follow = () => {
    begin();
    for (const name of ["pushState", "replaceState"] as const) {
      const original = history[name];
      history[name] = function (this: History) {
        original.apply(this, arguments as never);
        quietly(() => moved(name == "replaceState"));
      };
    }
    listen(win, "popstate", () => moved());
    listen(win, "hashchange", () => moved());
    listen(win, "pageshow", (event) => {
      if ((event as PageTransitionEvent).persisted) {
        begin();
        flush();
      }
    });
  };

  const start = () => {
    tick();
    if (option("manual") == null) follow();
    listen(win, "focus", tick);
    listen(win, "blur", tick);
    listen(win, "scroll", () => (depth = Math.max(depth, win.scrollY + win.innerHeight)));
    listen(win, "pagehide", leave);
    listen(doc, "visibilitychange", () => (doc.visibilityState == "hidden" ? leave() : tick()));
    const calls = early!;
    early = undefined;
    for (let i = 0; i < calls.length; i++)
      win.footfall!(calls[i][0] as string, calls[i][1] as Fields);
    flush();
  };

  /** Calls made before this script was loaded, or before a prerendered page is shown. */
  let early: ArrayLike<unknown>[] | undefined = (stub && stub.q) || [];
  const api: Api = (type, fields) =>
    quietly(() => {
      if (early) early.push([type, fields]);
      else {
        if (type == "pageview") begin(fields);
        else record(type, Object.assign({}, fields));
        flush();
      }
    });
  api.on = 1;
  win.footfall = api;
  if ((doc as { prerendering?: boolean }).prerendering)
    doc.addEventListener("prerenderingchange", () => quietly(start), { once: true });
  else start();
};

quietly(main);
