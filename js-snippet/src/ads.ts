// Footfall's file for ads: impressions, viewability, and the clicks that conversions belong to.
//
// The script imports it when a page has an element with `data-footfall-ad`, when somebody came by a
// click on an ad (`ffclid`), or when such a click is remembered. So it only runs where the script
// runs: never for visitors who ask not to be counted, never before a prerendered page is shown.
//
// It never delays or prevents a navigation: links are ready before anybody can click on them.

type Fields = Record<string, unknown>;
type Api = { (type: string, fields: Fields): void; on?: 1; click?: string | undefined };
type Shown = {
  /** What makes another ad of the same element. */
  key: string;
  /** Id of the impression. */
  id: string;
  /** What is measured. */
  box?: Element;
  /** What the element says. */
  fields: Fields;
  /** The impression was counted. */
  counted?: 1;
  /** It was viewable. */
  viewed?: 1;
  /** Since when enough of it has been in view, by the document's clock. */
  since?: number;
  timer?: number;
};

/** Viewable by the MRC's rule: this share of the pixels for one second without a break … */
const SHARE = 0.5;
/** … or this share from this area on, in CSS pixels. */
const SHARE_LARGE = 0.3;
const AREA_LARGE = 242_500;
const VIEW_MS = 1_000;
/** So many events are handed over at once, since the script lets go of more than 50. */
const TELL_MAX = 25;
const TELL_MS = 200;
/** So many clicks are remembered, for so long. */
const CLICKS_MAX = 4;
const CLICKS_MS_MAX = 30 * 86_400_000;

/** Does what must not disturb the page. */
const quietly = (work: () => unknown) => {
  try {
    work();
  } catch {}
};

quietly(() => {
  const doc = document;
  const api = (window as Window & { footfall?: Api }).footfall!;
  if (!api.on) return;

  // ---- Clicks on ads that led here ----

  let clicks: [number, string][] = [];
  const now = Date.now();
  // There are none, they are no list, or the browser keeps nothing: then only this page's counts.
  quietly(
    () =>
      (clicks = JSON.parse(localStorage.ffclid).filter(
        ([at]: number[]) => at > now - CLICKS_MS_MAX,
      )),
  );
  // The address by which the page was loaded: an application may have another one by now. And the
  // page before, if it is one of this site's that was left before this file had come.
  const landing = performance.getEntriesByType("navigation")[0]?.name || location.href;
  const before = doc.referrer.startsWith(location.origin + "/") ? doc.referrer : "";
  for (const address of [before, landing]) {
    const click = /[?&]ffclid=([\w-]{1,120})/.exec(address)?.[1];
    if (click && !clicks.some(([, id]) => id == click)) clicks.push([now, click]);
  }
  clicks = clicks.slice(-CLICKS_MAX);
  api.click = clicks.map(([, id]) => id).join() || undefined;
  quietly(() =>
    clicks[0] ? (localStorage.ffclid = JSON.stringify(clicks)) : localStorage.removeItem("ffclid"),
  );

  // ---- Telling ----

  const telling: Parameters<Api>[] = [];
  let pause = 0;
  const tellSome = () => {
    for (const call of telling.splice(0, TELL_MAX)) api(...call);
    pause = setTimeout(() => {
      pause = 0;
      if (telling[0]) tellSome();
    }, TELL_MS);
  };
  const tell = (type: string, fields: Fields) => {
    telling.push([type, { time: Date.now(), ...fields }]);
    if (!pause) tellSome();
  };

  // ---- Ads ----

  /** By the ad's element and by what is measured. */
  const ads = new WeakMap<Element, Shown>();
  const all = () => doc.querySelectorAll<HTMLElement>("[data-footfall-ad]");

  /** Has an ad's place and size looked at with the next frame. */
  const again = ({ box }: Shown) => {
    places.unobserve(box!);
    places.observe(box!);
  };

  const stop = (ad: Shown) => {
    clearTimeout(ad.timer);
    ad.since = 0;
  };

  /** An ad was looked at. Nothing is while the page is hidden. */
  const places = new IntersectionObserver(
    (entries) => {
      for (const { target, time, boundingClientRect: box, intersectionRatio: share } of entries) {
        const ad = ads.get(target)!;
        const area = box.width * box.height;
        if (doc.hidden || !area) {
          stop(ad);
          continue;
        }
        if (!ad.counted) {
          ad.counted = 1;
          tell("impression", { id: ad.id, measurable: true, ...ad.fields });
        }
        if (share < (area < AREA_LARGE ? SHARE : SHARE_LARGE)) stop(ad);
        else if (!ad.viewed) {
          clearTimeout(ad.timer);
          ad.since = ad.since || time;
          const viewable_ms = time - ad.since;
          if (viewable_ms < VIEW_MS) {
            // What the timer says may be late news: a last look decides.
            ad.timer = setTimeout(again, VIEW_MS - viewable_ms, ad);
          } else {
            ad.viewed = 1;
            const { request, ...fields } = ad.fields;
            tell("view", {
              impression: ad.id,
              viewable_ms: viewable_ms | 0,
              visible_pct: (share * 100) | 0,
              ...fields,
            });
          }
        }
      }
    },
    { threshold: [0, SHARE_LARGE, SHARE] },
  );
  const sizes = new ResizeObserver((entries) =>
    entries.forEach(({ target }) => again(ads.get(target)!)),
  );

  /** Gives every new ad its impression, and the links in it the impression's id. */
  const look = () => {
    for (const element of all()) {
      const {
        footfallAd: ad,
        footfallPlacement: placement,
        footfallPosition: position,
        footfallQuery: query,
        footfallRequest: request,
        footfallImpression: given = "",
      } = element.dataset;
      if (!ad) continue;
      const key = ad + " " + given;
      let shown = ads.get(element);
      if (shown?.key != key) {
        if (shown) stop(shown);
        shown = {
          key,
          id: /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(given)
            ? given
            : URL.createObjectURL(new Blob()).slice(-36),
          fields: { ad, placement, position: +position! || undefined, query, request },
        };
        ads.set(element, shown);
      }
      // The box of an inline element is a line of text, whatever image is in it.
      const box =
        (/^(inline|contents)$/.test(getComputedStyle(element).display) &&
          element.firstElementChild) ||
        element;
      if (shown.box != box) {
        if (shown.box) places.unobserve(shown.box);
        shown.box = box;
        ads.set(box, shown);
        again(shown);
        sizes.observe(box);
      }
      for (const link of [element, ...element.querySelectorAll("a")] as HTMLAnchorElement[]) {
        const search = new URLSearchParams(link.search);
        if (link.pathname?.endsWith("/c/" + ad) && search.get("impression") != shown.id) {
          search.set("impression", shown.id);
          link.search = search as never;
        }
      }
    }
  };

  /** Once per frame, however much changes. */
  let frame = 0;
  new MutationObserver(() => {
    frame =
      frame ||
      requestAnimationFrame(() => {
        frame = 0;
        quietly(look);
      });
  }).observe(doc, {
    childList: true,
    subtree: true,
    attributeFilter: ["data-footfall-ad", "data-footfall-impression", "href"],
  });
  // An image that has got a size: nothing else tells of one in an inline element.
  doc.addEventListener(
    "load",
    ({ target }) => {
      const ad = ads.get((target as Element).closest?.("[data-footfall-ad]")!);
      if (ad) again(ad);
    },
    true,
  );
  doc.addEventListener("visibilitychange", () => {
    for (const element of all()) {
      const ad = ads.get(element);
      if (ad) {
        stop(ad);
        again(ad);
      }
    }
  });
  look();
});
