// Footfall's script: tells the server which pages are seen, for how long and how far.
//
// It keeps nothing on the visitor's device (no cookie, no storage), takes no fingerprint, sends
// nothing at all for visitors who ask not to be counted, and never disturbs the page: whatever goes
// wrong in here stays in here. README.md says what is sent, when, and how often it is tried.
//
// Every byte counts for every page of every site, so this is written for the minifier: one closure,
// short paths, no classes.

type Fields = Record<string, unknown>;
type Api = {
  (type?: string, fields?: Fields): void;
  /** Calls made before this script was loaded. */
  q?: Iterable<never>[];
  /** Set once a copy of this script is at work. */
  on?: 1;
  /** The ad clicks that led here, set by the file for ads. */
  click?: string;
};

/** Attempts, the first one included, unless further events come. */
const TRIES_MAX = 4;
/** Events that wait; more are let go. */
const WAITING_MAX = 50;
/** The longest wait that a server may ask for. */
const WAIT_S_MAX = 60;
/** A request without an answer for this long has failed. */
const TIMEOUT_MS = 15_000;
/** Events wait this long before they are sent: routers set the title after the address. */
const SEND_MS = 100;
/** How often a page without ads is searched for one: however much a page changes, it costs no more. */
const LOOK_MS = 1_000;
/** Less engaged time than this is kept for the next report. */
const ENGAGED_MS_MIN = 1_000;

/** Does what must not disturb the page. */
const quietly = (work: () => unknown) => {
  try {
    work();
  } catch {}
};

/** Listens to the window, the document and all in it, before the page's own listeners. */
const listen = (type: string, listener: (event: Event) => unknown) =>
  addEventListener(type, (event) => quietly(() => listener(event)), true);

quietly(() => {
  const win = window as Window & { footfall?: Api };
  const doc = document as Document & { prerendering?: boolean };
  const nav = navigator as Navigator & { globalPrivacyControl?: boolean };
  const stub: Api | undefined = win.footfall;
  if (stub?.on) return;
  if (nav.globalPrivacyControl || (nav.doNotTrack as never) > 0) {
    // Pages may go on calling; nothing is kept and nothing is sent. (Any function that bears it does.)
    return (win.footfall = quietly as never);
  }

  /** The options: the script's `data-*` attributes. */
  const { dataset: options, src } = doc.currentScript as HTMLScriptElement;

  // ---- Sending ----

  /** The script lies in `/js` beside `/e`, also when a proxy puts both under a path. */
  const endpoint = options.api || (new URL("../e", src) as never);
  /** Events that wait for their first or next attempt. */
  let waiting: Fields[] = [];
  /** Attempts since the last event came. */
  let tries = 0;

  /** Sends what waits, together. Only what may pass is tried again: a 400 would stay one for ever. */
  const send = async (leaving?: unknown) => {
    leaving || (await ads);
    if (!waiting[0]) return;
    const batch = waiting;
    waiting = [];
    if (view) view.title = view.title || doc.title;
    const body = JSON.stringify(
      batch.map((event) => ({
        ...event,
        click: event.click || (event.goal && api.click),
        sent_at: Date.now(),
      })),
    );
    let wait_s = 4 ** tries++;
    try {
      if (leaving && nav.sendBeacon?.(endpoint, body)) return;
      const reply = await fetch(endpoint, {
        method: "POST",
        body,
        keepalive: true,
        credentials: "omit",
        signal: AbortSignal.timeout?.(TIMEOUT_MS),
      });
      if (!/5..|408|429/.test(reply.status as never)) return;
      wait_s = Math.min(WAIT_S_MAX, +reply.headers.get("retry-after")! || wait_s);
    } catch {}
    if (tries < TRIES_MAX) {
      waiting = batch.concat(waiting);
      setTimeout(send, 1000 * wait_s);
    }
  };

  // ---- Events ----

  const hashRouting = "hash" in options;
  /** What stands between blanks and commas; `*` is any run of characters. */
  const excluded = RegExp(
    `^(${(options.exclude || "")
      .replace(/[\s,]+/g, "|")
      .replace(/[^\w*|]/g, "\\$&")
      .replace(/\*/g, ".*")})$`,
  );

  /** An address as far as it is sent: the fragment is nobody's business unless it is the route. */
  const address = (url?: unknown) => {
    const parsed = new URL((url || location) as string, location as never);
    if (!hashRouting) parsed.hash = "";
    return parsed;
  };
  const path = (url: URL) => url.pathname + url.hash;

  const record = (type: string, fields?: Fields) => {
    const url = address(fields?.url);
    if (waiting[WAITING_MAX - 1] || excluded.test(path(url))) return;
    // Copied by way of JSON: what the page changes later, or what can't be sent, stays outside.
    const event: Fields = JSON.parse(
      JSON.stringify({
        type,
        // crypto.randomUUID is for pages with TLS only; the name of a blob ends in a random UUID anywhere.
        id: URL.createObjectURL(new Blob()).slice(-36),
        site: options.site,
        time: Date.now(),
        language: nav.language,
        screen: screen.width + "x" + screen.height,
        timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
        account: options.account,
        automated: nav.webdriver || undefined,
        hash: hashRouting || undefined,
        ...fields,
        url,
      }),
    );
    waiting.push(event);
    tries = 0;
    setTimeout(send, SEND_MS);
    return event;
  };

  // ---- Ads ----

  /** The file for ads, once something on this page needs it. */
  let ads: Promise<unknown> | undefined;

  /**
   * Loads it for an ad, for a click on one that led here or to the page before, which may have been
   * left before the file had come, and for a click that is remembered.
   */
  const look = () =>
    quietly(
      () =>
        (ads =
          ads ||
          ((doc.querySelector("[data-footfall-ad]") ||
            /ffclid/.test((location as never) + doc.referrer) ||
            localStorage.ffclid) &&
            import(new URL("footfall-ads.js", src) as never).catch(() => {}))),
    );

  // ---- Page views and engagement ----

  /** The page view that is on; there is none before the first, and on excluded pages. */
  let view: Fields | undefined;
  /** Where the last page view was. */
  let here: URL | undefined;
  let engaged_ms = 0;
  /** Deepest point that was seen, in pixels from the top. */
  let depth = 0;
  /** Deepest point that was reported, in percent. */
  let reported_pct = 0;
  /** Since when the page has been visible and focused; 0 while it is not. */
  let since = 0;

  const tick = () => {
    const now = performance.now();
    if (since) engaged_ms += now - since;
    since = doc.hidden || !doc.hasFocus() ? 0 : now;
  };

  /** Reports what is new since the last report about the page view that is on. */
  const report = () => {
    tick();
    // Against the height of now: while images load, a page is shorter than it is going to be.
    const scroll_pct = Math.max(
      reported_pct,
      Math.min(100, ((100 * depth) / doc.documentElement.scrollHeight + 0.5) | 0),
    );
    if (view && (engaged_ms >= ENGAGED_MS_MIN || scroll_pct > reported_pct)) {
      record("engagement", {
        url: view.url,
        pageview: view.id,
        engaged_ms: engaged_ms | 0,
        scroll_pct,
      });
      engaged_ms = 0;
      reported_pct = scroll_pct;
    }
  };

  /** Begins a page view and ends the one before, which then is the referrer. */
  const begin = (fields?: Fields) => {
    report();
    const before = here;
    here = address();
    engaged_ms = reported_pct = 0;
    depth = innerHeight;
    view = record("pageview", {
      // Routers set it only after the address: then it is looked up when the event is sent.
      title: before ? undefined : doc.title,
      referrer: before || doc.referrer || undefined,
      ...fields,
    });
  };

  /** Begins a page view if the address is another one; after replaceState only a new path is. */
  const moved = (replaced?: boolean) => {
    const now = address();
    if (replaced ? path(now) != path(here!) : now.href != here!.href) begin();
    here = now;
  };

  /** Hands what waits over to the browser, since the page may never run again. */
  const leave = () => {
    report();
    send(1);
  };

  const start = () => {
    tick();
    if (!("manual" in options)) {
      begin();
      for (const name of ["pushState", "replaceState"] as const) {
        const original = history[name];
        history[name] = (...change) => {
          original.apply(history, change);
          quietly(() => moved(name == "replaceState"));
        };
      }
      listen("popstate", () => moved());
      listen("pageshow", (event) => (event as PageTransitionEvent).persisted && begin());
    }
    listen("focus", tick);
    listen("blur", tick);
    listen("scroll", () => (depth = Math.max(depth, scrollY + innerHeight)));
    listen("pagehide", leave);
    listen("visibilitychange", leave);
    look();
    setInterval(look, LOOK_MS);
    const calls = early!;
    early = undefined;
    for (const call of calls) api(...call);
  };

  /** Calls made before this script was loaded, or before a prerendered page is shown. */
  let early: Iterable<never>[] | undefined = stub?.q || [];
  const api: Api = (type, fields) =>
    quietly(() =>
      early
        ? early.push([type, fields] as never)
        : type == "pageview"
          ? begin(fields)
          : record(type!, fields),
    );
  (win.footfall = api).on = 1;

  if (doc.prerendering) listen("prerenderingchange", start);
  else start();
});
