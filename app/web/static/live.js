// Keeps the page of one campaign up to date: server-sent events in, numbers and bars out.
"use strict";

(() => {
  const $ = (id) => document.getElementById(id);
  const main = document.querySelector("main");
  const campaign = main.dataset.campaign;
  const chart = new RateChart.Chart($("chart"));
  const figure = (n) => Math.round(n || 0).toLocaleString("en");
  const share = (part, whole) => (whole ? `${((100 * part) / whole).toFixed(part && part / whole < 0.01 ? 2 : 1)} %` : "–");
  const ENDED = ["COMPLETED", "CANCELLED", "MISSED", "FAILED"];
  const ACTIONS = { DRAFT: ["start", "cancel"], APPROVAL: ["cancel"], SCHEDULED: ["cancel"], QUEUED: ["cancel"], RUNNING: ["pause", "cancel"], PAUSED: ["resume", "cancel"], SEALING: ["cancel"] };
  const PARTS = [["delivered", "delivered", "Delivered"], ["sent", "sent", "Sent"], ["bounced", "bounced", "Bounced"], ["blocked", "blocked", "Blocked"],
    ["given_up", "deferred", "Given up"], ["dropped", "dropped", "Dropped"], ["unknown", "unknown", "Unknown"]];
  const FATES = [["delivered", "delivered", "delivered"], ["bounced", "bounced", "bounced"], ["blocked", "blocked", "blocked"],
    ["failed", "deferred", "failed"], ["expired", "deferred", "expired"], ["not_reported", "waiting", "not reported yet"]];
  const READERS = [["opened", "opened"], ["clicked", "clicked"], ["read", "read"], ["complained", "complained"], ["unsubscribed", "left"]];
  let skew = 0; // seconds the server's clock is ahead of ours
  let ended = false; // it stays as it is

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function filled(tone, part, whole, label) {
    const made = element("span", { "data-tone": tone, title: label || "" });
    made.style.width = `${whole ? Math.min(100, (100 * part) / whole) : 0}%`;
    return made;
  }

  // Rows are kept and only their widths change: bars glide, screen readers are left in peace.
  function barRows(body, rows, whole) {
    const known = new Map([...body.children].map((row) => [row.dataset.key, row]));
    const shown = rows.map(({ key, label, count, tone, inner }) => {
      let row = known.get(key);
      if (!row) {
        const head = element("th", { scope: "row", class: inner ? "inner" : "" }, label);
        const meter = element("div", { class: "meter" }, filled(tone, 0, 1));
        row = element("tr", { "data-key": key }, head, element("td", {}, meter), element("td", { class: "n" }), element("td", { class: "n dim" }));
      }
      row.querySelector(".meter span").style.width = `${whole ? Math.min(100, (100 * count) / whole) : 0}%`;
      row.children[2].textContent = figure(count);
      row.children[3].textContent = share(count, whole);
      return row;
    });
    body.replaceChildren(...shown);
  }

  function describeSince(picture) {
    const started = picture.started_at;
    if (!started) return "";
    const seconds = Math.max(0, (picture.finished_at || Date.now() / 1000 + skew) - started);
    return ` · ${picture.finished_at ? "took" : "running for"} ${RateChart.clock(seconds)}`;
  }

  function eta(picture, left) {
    if (ENDED.includes(picture.state)) return picture.reason || "";
    if (picture.state === "PAUSED") return "paused: nothing leaves";
    if (picture.next_due && !picture.due && !picture.on_the_way && left) return `${figure(left)} wait for their next try`;
    return picture.rate > 0 && left ? `about ${RateChart.clock(left / picture.rate)} left` : "";
  }

  const moment = (at) => new Date(at * 1000).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });

  // What numbers do not say: what it waits for, how its experiment stands, what limits it.
  function remarks(picture) {
    const said = [];
    const { trial, forecast } = picture;
    if (picture.state === "APPROVAL") said.push("Waits for the approval of a second API key.");
    if (picture.state === "SCHEDULED" && picture.due_at) said.push(`Scheduled for ${moment(picture.due_at)}.`);
    if (picture.state === "QUEUED") said.push(`Number ${picture.queue_position} of its account to start.`);
    if (trial && trial.phase === "testing") said.push("Experiment: the sample is being sent to.");
    if (trial && trial.phase === "waiting") said.push(`Experiment: decided ${trial.decide_at ? moment(trial.decide_at) : "soon"}.`);
    if (trial && trial.phase === "decided") said.push(`Experiment: ${trial.winner} has won.`);
    if (picture.state === "RUNNING" && forecast) {
      said.push(forecast.finishes_at ? `Done about ${moment(forecast.finishes_at)}: ${forecast.text}.` : `${forecast.text}.`);
    }
    return said.join(" ");
  }

  // Routes out of service, senders that are slowed down: what holds on just now and concerns this campaign.
  function showNotices(notices) {
    $("standing").hidden = !notices.length;
    $("notices").replaceChildren(...notices.map((each) => {
      const about = each.route || [each.pool, each.group].filter(Boolean).join(" to ");
      return element("li", { "data-level": each.level }, element("i"), element("strong", {}, about), element("span", {}, each.reason));
    }));
  }

  // What keeps messages that could leave now: which limit, and how many wait at it.
  function showHeld(held) {
    $("held-card").hidden = !held.length;
    $("held").replaceChildren(...held.map((each) =>
      element("li", {}, element("i"), element("strong", {}, `${figure(each.due)} to ${each.group}`), element("span", {}, each.text))));
  }

  function showProgress(picture, counts, audience) {
    const left = Math.max(0, audience - picture.done);
    const percent = audience ? (100 * picture.done) / audience : 0;
    $("percent").textContent = audience ? `${Math.floor(percent * 10) / 10} %` : "–";
    $("done").textContent = figure(picture.done);
    $("audience").textContent = figure(audience);
    $("eta").textContent = eta(picture, left);
    $("since").textContent = describeSince(picture);
    $("remarks").textContent = remarks(picture);
    const bar = $("bar");
    bar.setAttribute("aria-valuenow", percent.toFixed(1));
    bar.setAttribute("aria-valuetext", `${figure(picture.done)} of ${figure(audience)}`);
    if (!bar.children.length) bar.append(...PARTS.map(([, tone]) => filled(tone, 0, 1)));
    PARTS.forEach(([name, , label], i) => {
      bar.children[i].style.width = `${audience ? (100 * (counts[name] || 0)) / audience : 0}%`;
      bar.children[i].title = `${label}: ${figure(counts[name])}`;
    });
    $("legend").replaceChildren(...[...PARTS, ["left", "waiting", "Not yet decided"]]
      .filter(([name]) => name === "left" ? left : counts[name])
      .map(([name, tone, label]) => element("li", {}, element("i", { "data-tone": tone }), `${label} ${figure(name === "left" ? left : counts[name])}`)));
  }

  function showFunnel(picture, counts, audience) {
    const tried = ["accepted", "bounced", "blocked", "unknown", "given_up"].reduce((sum, name) => sum + (counts[name] || 0), 0);
    barRows($("funnel"), [
      { key: "audience", label: "Audience", count: audience, tone: "accent" },
      { key: "listed", label: "Checked", count: counts.listed || 0, tone: "accent" },
      { key: "let", label: "Let through", count: Math.max(0, (counts.listed || 0) - (counts.dropped || 0)), tone: "accent" },
      { key: "tried", label: "Attempted", count: tried, tone: "accent" },
      { key: "accepted", label: "Sent or delivered", count: counts.accepted, tone: "delivered" },
    ], audience);
  }

  // Delivered, bounced ... of those that went out; what nobody has reported on yet comes last.
  function showReported(fates, counts) {
    $("reported-card").hidden = !Object.keys(counts).some((name) => name.startsWith("reported."));
    const parts = FATES.filter(([name]) => fates[name]);
    const sent = parts.reduce((sum, [name]) => sum + fates[name], 0);
    const said = parts.map(([name, , label]) => `${figure(fates[name])} ${label}`);
    const read = READERS.filter(([name]) => counts[`reported.${name}`]).map(([name, label]) => `${figure(counts[`reported.${name}`])} ${label}`);
    $("reported-line").textContent = `Of ${figure(sent)} that went out: ${said.join(", ")}${read.length ? `. By their readers: ${read.join(", ")}` : ""}.`;
    $("reported-bar").replaceChildren(...parts.map(([name, tone, label]) => filled(tone, fates[name], sent, `${label}: ${figure(fates[name])}`)));
    $("reported-legend").replaceChildren(...parts.map(([name, tone, label]) =>
      element("li", {}, element("i", { "data-tone": tone }), `${label} ${share(fates[name], sent)}`)));
  }

  function showReasons(counts, audience) {
    const rows = [];
    for (const [name, tone, label] of PARTS.slice(2)) {
      if (!counts[name]) continue;
      rows.push({ key: name, label, count: counts[name], tone });
      Object.keys(counts).filter((key) => key.startsWith(`${name}.`)).sort((a, b) => counts[b] - counts[a])
        .forEach((key) => rows.push({ key, label: key.slice(name.length + 1).replaceAll("_", " "), count: counts[key], tone, inner: true }));
    }
    barRows($("reasons"), rows, rows.length ? Math.max(...rows.map((row) => row.count)) : 1);
    // The share is of the audience, the bar is relative to the largest reason.
    [...$("reasons").children].forEach((row, i) => { row.children[3].textContent = share(rows[i].count, audience); });
    $("no-reasons").hidden = rows.length > 0;
  }

  function showProviders(providers) {
    $("providers-note").hidden = Boolean(providers && providers.length);
    if (providers) $("providers").closest(".scroll").hidden = !providers.length;
    $("providers-note").textContent = providers === null
      ? "ClickHouse does not answer: this table comes back when it does. Sending goes on." : "Nothing recorded yet.";
    if (!providers) return;
    $("providers").replaceChildren(...providers.map((each) => {
      const accepted = (each.delivered || 0) + (each.sent || 0);
      const all = each.messages || accepted + (each.bounced || 0) + (each.blocked || 0) + (each.deferred || 0);
      const label = `${each.provider}: ${share(accepted, all)} sent or delivered`;
      const bar = element("div", { class: "bar", role: "img", "aria-label": label },
        filled("delivered", each.delivered, all), filled("sent", each.sent, all), filled("deferred", each.deferred, all),
        filled("bounced", each.bounced, all), filled("blocked", each.blocked, all),
        filled("dropped", each.dropped, all), filled("unknown", each.unknown, all));
      const cells = [all, each.sent, each.delivered, each.deferred, each.bounced, each.blocked].map((n) => element("td", { class: "n" }, figure(n)));
      return element("tr", {}, element("th", { scope: "row" }, each.provider), cells[0], element("td", { class: "wide" }, bar), ...cells.slice(1));
    }));
  }

  function show(picture) {
    const counts = { ...picture.counts };
    counts.accepted = (counts.sent || 0) + (counts.delivered || 0);
    // Who was found out about, or waits again, is among the others.
    counts.unknown = Math.max(0, (counts.unknown || 0) - (counts["unknown.resolved"] || 0) - (counts["unknown.resent"] || 0));
    const audience = picture.audience || 0;
    $("state").textContent = picture.state.toLowerCase();
    $("state").dataset.state = picture.state;
    document.querySelectorAll("[data-count]").forEach((each) => { each.textContent = figure(counts[each.dataset.count]); });
    document.querySelectorAll("[data-share]").forEach((each) => { each.textContent = `${share(counts[each.dataset.share] || 0, audience)} of all`; });
    document.querySelectorAll("[data-action]").forEach((each) => { each.hidden = !(ACTIONS[picture.state] || []).includes(each.dataset.action); });
    showProgress(picture, counts, audience);
    showReported(picture.fates || {}, counts);
    showFunnel(picture, counts, audience);
    showReasons(counts, audience);
    showProviders(picture.providers);
    showHeld(picture.held || []);
    showNotices(picture.notices || []);
    $("rate").textContent = figure(picture.rate);
    const seconds = (picture.finished_at || Date.now() / 1000 + skew) - picture.started_at;
    $("mean").textContent = picture.started_at && seconds > 1 ? `· ${figure(picture.done / seconds)} on average` : "";
    if (ENDED.includes(picture.state)) {
      ended = true;
      chart.over();
      link("off", "ended");
    } else chart.add(Date.now() / 1000 + skew, picture.done);
  }

  function link(state, text) {
    $("link").dataset.link = state;
    $("link").lastElementChild.textContent = text;
  }

  function follow() {
    const source = new EventSource(`/campaigns/${encodeURIComponent(campaign)}/live`);
    source.addEventListener("open", () => { if (!ended) link("on", "live"); });
    source.addEventListener("error", () => { if (!ended) link("lost", "connection lost, trying again"); });
    source.addEventListener("history", (event) => {
      const { now, points } = JSON.parse(event.data);
      skew = now - Date.now() / 1000;
      chart.replace(points);
    });
    source.addEventListener("picture", (event) => {
      if (!ended) link("on", "live");
      show(JSON.parse(event.data));
    });
    source.addEventListener("end", () => { source.close(); link("off", "ended"); });
  }

  async function order(button) {
    const action = button.dataset.action;
    if (action === "cancel" && !confirm("Cancel this campaign? Who has no mail yet gets none. This cannot be undone.")) return;
    button.disabled = true;
    $("notice").hidden = true;
    try {
      const answer = await fetch(`/campaigns/${encodeURIComponent(campaign)}/${action}`, { method: "POST" });
      if (!answer.ok) {
        const problem = await answer.json();
        throw new Error(problem.detail || problem.title);
      }
    } catch (error) {
      $("notice").textContent = `Could not ${action}: ${error.message}`;
      $("notice").hidden = false;
    } finally {
      button.disabled = false;
    }
  }

  document.querySelectorAll("[data-action]").forEach((button) => button.addEventListener("click", () => order(button)));
  show(JSON.parse($("picture").textContent));
  follow();
})();
