// Keeps the page of routes up to date: one picture a second, lights, bars and sentences out.
"use strict";

(() => {
  const $ = (id) => document.getElementById(id);
  const figure = (n) => (n || 0).toLocaleString("en", { maximumFractionDigits: n && n < 10 ? 1 : 0 });
  const percent = (share) => `${(100 * share).toFixed(share && share < 0.1 ? 1 : 0)} %`;
  const width = (share) => `${100 * Math.min(1, share)}%`;
  const WORDS = { closed: "in service", open: "out of service", half_open: "being tried", disabled: "disabled" };
  const NONE = {
    routes: "Nothing has been heard from pacing yet.",
    senders: "No mailbox provider pushes back.",
    limits: "No cap is in use.",
    notices: "Nothing had to be slowed down or taken out of service.",
  };
  const MILLISECONDS = 1000;

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function bar(tone, share, label) {
    const fill = element("span", { "data-tone": tone });
    fill.style.width = width(share);
    return element("div", { class: "bar", role: "img", "aria-label": label }, fill);
  }

  // "in 4 min", "since 12 s": what people compare with the clock on the wall.
  function span(seconds) {
    const whole = Math.max(0, Math.round(seconds));
    if (whole < 90) return `${whole} s`;
    return whole < 5400 ? `${Math.round(whole / 60)} min` : `${(whole / 3600).toFixed(1)} h`;
  }

  const time = (at) => new Date(at * MILLISECONDS).toLocaleTimeString("en-GB");

  function rate(perSecond) {
    if (perSecond === null) return "as limits say";
    return perSecond >= 1 ? `${figure(perSecond)}/s` : `${figure(perSecond * 60)}/min`;
  }

  function routeRow(route, now) {
    const state = element("span", { class: "state", "data-light": route.state }, WORDS[route.state]);
    const cell = element("td", {}, state);
    if (route.state === "open") {
      const next = route.until ? `, tried again in ${span(route.until - now)}` : ", until it is put back";
      cell.append(element("p", { class: "dim" }, `for ${span(now - route.since)}${next}`));
    }
    if (route.reason && route.state !== "closed") cell.append(element("p", { class: "dim" }, route.reason));
    const head = element("th", { scope: "row" }, route.route);
    if (route.slowed) head.append(element("p", { class: "dim" }, `slowed towards ${route.slowed} mailbox provider${route.slowed > 1 ? "s" : ""}`));
    if (route.reports_told) head.append(element("p", { class: "dim" }, `reports: ${route.reports_told}`));
    return element("tr", { "data-route": route.route }, head, cell,
      element("td", { class: "wide" }, bar("accent", route.share, `${percent(route.share)} of all messages`)),
      element("td", { class: "n" }, figure(route.speed)), element("td", { class: "n" }, figure(route.on_the_way)));
  }

  function senderRow(sender, now) {
    const left = sender.suspended_until - now;
    const suspended = left > 0;
    const share = suspended ? 0 : sender.factor;
    return element("tr", { "data-sender": `${sender.pool} ${sender.group}` },
      element("th", { scope: "row" }, sender.pool), element("td", {}, sender.group),
      element("td", { class: "wide" }, bar("deferred", share, suspended ? "suspended" : `${percent(share)} of its rate`)),
      element("td", { class: "n" }, suspended ? `nothing for ${span(left)}` : rate(sender.rate)), element("td", {}, sender.reason));
  }

  function limitRow(limit, now) {
    const used = limit.used ?? limit.on_the_way ?? 0;
    const most = limit.most === null ? "" : ` of ${figure(limit.most)}`;
    const again = limit.resets_at ? ` · anew in ${span(limit.resets_at - now)}` : "";
    const fill = element("span", { "data-tone": limit.share >= 1 ? "bounced" : "accent" });
    fill.style.width = width(limit.share);
    return element("tr", {}, element("th", { scope: "row", title: limit.name }, limit.words), element("td", {}, element("div", { class: "meter" }, fill)),
      element("td", { class: "n" }, `${figure(used)}${most}${again}`));
  }

  function noticeRow(notice) {
    const about = notice.route || [notice.pool, notice.group].filter(Boolean).join(" to ");
    return element("li", { "data-level": notice.level }, element("i"), element("time", { class: "dim" }, time(notice.at)),
      element("strong", {}, about), element("span", {}, `${notice.kind.replaceAll("_", " ")}: ${notice.reason}`));
  }

  function fill(id, rows) {
    $(id).replaceChildren(...rows);
    const none = $(`no-${id}`);
    none.hidden = rows.length > 0;
    none.textContent = rows.length ? "" : NONE[id];
    const scroll = $(id).closest(".scroll");
    if (scroll) scroll.hidden = !rows.length;
  }

  function show(picture) {
    const now = picture.at;
    fill("routes", picture.routes.map((each) => routeRow(each, now)));
    fill("senders", picture.senders.map((each) => senderRow(each, now)));
    fill("limits", picture.limits.map((each) => limitRow(each, now)));
    fill("notices", (picture.notices || []).map(noticeRow));
    if (picture.notices === null) $("no-notices").textContent = "ClickHouse does not answer: notices come back when it does.";
    if (picture.live) link("on", "live");
    else link("lost", "pacing is not heard");
  }

  function link(state, text) {
    $("link").dataset.link = state;
    $("link").lastElementChild.textContent = text;
  }

  async function look() {
    try {
      if (!document.hidden) {
        const answer = await fetch("/routes/picture", { cache: "no-store" });
        if (!answer.ok) throw new Error(answer.statusText);
        show(await answer.json());
      }
    } catch {
      link("lost", "connection lost, trying again");
    } finally {
      setTimeout(look, MILLISECONDS);
    }
  }

  show(JSON.parse($("picture").textContent));
  look();
})();
