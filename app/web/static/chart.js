// Draws messages a second over time as SVG: an area, three grid lines, a cursor that reads values.
"use strict";

const RateChart = (() => {
  const NS = "http://www.w3.org/2000/svg";
  const LEFT = 46, RIGHT = 10, TOP = 12, BOTTOM = 24;

  function node(name, attributes, text) {
    const made = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  // A round number at or above value: 1, 2, 2.5 or 5 times a power of ten.
  function roundUp(value) {
    const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
    return [1, 2, 2.5, 5, 10].map((step) => step * power).find((step) => step >= value);
  }

  function clock(seconds) {
    const minutes = Math.floor(seconds / 60);
    if (minutes >= 60) return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")} h`;
    return `${minutes}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
  }

  class Chart {
    constructor(holder) {
      this.holder = holder;
      this.points = []; // [seconds since 1970, messages decided]
      this.note = "The curve appears as messages leave."; // where there is no curve
      this.svg = node("svg", { role: "img", "aria-label": "Messages a second over time" });
      holder.replaceChildren(this.svg);
      this.pointer = null;
      holder.addEventListener("pointermove", (event) => { this.pointer = event.offsetX; this.draw(); });
      holder.addEventListener("pointerleave", () => { this.pointer = null; this.draw(); });
      new ResizeObserver(() => this.draw()).observe(holder);
    }

    over() {
      this.note = "No curve: the edge keeps it only while it runs.";
      this.draw();
    }

    replace(points) { this.points = points.slice(); this.draw(); }

    add(at, done) {
      const last = this.points.at(-1);
      if (last && at - last[0] < 0.9) return;
      this.points.push([at, done]);
      if (this.points.length > 1200) this.points = this.points.filter((_, index) => index % 2 === 0);
      this.draw();
    }

    // [time, rate] between neighbours; at most 240 of them, so that noise does not hide the shape.
    rates() {
      const step = Math.max(1, Math.ceil(this.points.length / 240));
      const kept = this.points.filter((_, index) => index % step === 0 || index === this.points.length - 1);
      const rates = [];
      for (let i = 1; i < kept.length; i++) {
        const seconds = kept[i][0] - kept[i - 1][0];
        if (seconds > 0) rates.push([kept[i][0], Math.max(0, (kept[i][1] - kept[i - 1][1]) / seconds)]);
      }
      return rates;
    }

    draw() {
      const width = this.holder.clientWidth, height = this.holder.clientHeight;
      if (!width || !height) return;
      this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      const rates = this.rates();
      if (rates.length < 2) {
        const text = node("text", { class: "none", x: width / 2, y: height / 2, "text-anchor": "middle" },
          this.note);
        this.svg.replaceChildren(text);
        return;
      }
      const first = this.points[0][0], last = rates.at(-1)[0];
      const top = roundUp(Math.max(...rates.map((rate) => rate[1])) || 1);
      const x = (at) => LEFT + ((at - first) / Math.max(last - first, 1)) * (width - LEFT - RIGHT);
      const y = (rate) => height - BOTTOM - (rate / top) * (height - TOP - BOTTOM);
      this.svg.replaceChildren(...this.frame(width, height, top, last - first, y), ...this.curve(rates, x, y, height));
      if (this.pointer !== null) this.svg.append(...this.cursor(rates, x, y, first, width, height));
      const mean = (this.points.at(-1)[1] - this.points[0][1]) / Math.max(last - first, 1);
      this.svg.setAttribute("aria-label",
        `Messages a second over ${clock(last - first)} minutes: ${Math.round(mean)} on average, at most ${Math.round(Math.max(...rates.map((r) => r[1])))}`);
    }

    frame(width, height, top, seconds, y) {
      const made = [];
      for (const share of [0, 0.5, 1]) {
        const at = y(top * share);
        made.push(node("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: at, y2: at }));
        made.push(node("text", { class: "axis", x: LEFT - 8, y: at + 4, "text-anchor": "end" }, (top * share).toLocaleString()));
      }
      for (const share of [0, 0.25, 0.5, 0.75, 1]) {
        const anchor = share === 0 ? "start" : share === 1 ? "end" : "middle";
        const at = LEFT + share * (width - LEFT - RIGHT);
        made.push(node("text", { class: "axis", x: at, y: height - 6, "text-anchor": anchor }, clock(seconds * share)));
      }
      return made;
    }

    curve(rates, x, y, height) {
      const line = rates.map(([at, rate], i) => `${i ? "L" : "M"}${x(at).toFixed(1)},${y(rate).toFixed(1)}`).join("");
      const base = height - BOTTOM;
      const area = `${line}L${x(rates.at(-1)[0]).toFixed(1)},${base}L${x(rates[0][0]).toFixed(1)},${base}Z`;
      return [node("path", { class: "area", d: area }), node("path", { class: "line", d: line })];
    }

    cursor(rates, x, y, first, width, height) {
      const near = rates.reduce((best, rate) => (Math.abs(x(rate[0]) - this.pointer) < Math.abs(x(best[0]) - this.pointer) ? rate : best));
      const at = x(near[0]);
      const left = at < width / 2;
      return [
        node("line", { class: "cursor", x1: at, x2: at, y1: TOP, y2: height - BOTTOM }),
        node("text", { class: "tip", x: at + (left ? 8 : -8), y: TOP + 12, "text-anchor": left ? "start" : "end" },
          `${Math.round(near[1]).toLocaleString()}/s at ${clock(near[0] - first)}`),
      ];
    }
  }

  return { Chart, clock };
})();
