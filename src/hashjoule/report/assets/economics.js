// The sliders: the closed formulas of hashjoule.economics.formulas, in US dollars, kWh, watts and hashes per second.

const SLIDERS = [
  { id: "price", label: "Electricity price", unit: "USD/kWh", low: 0.001, high: 1 },
  { id: "btc", label: "Bitcoin price", unit: "USD", low: 100, high: 1e7 },
  { id: "network", label: "Network hash rate", unit: "EH/s", low: 0.1, high: 1e5 },
  { id: "jth", label: "Energy per terahash", unit: "J/TH", low: 1, high: 1e9 },
  { id: "rate", label: "Hash rate", unit: "TH/s", low: 1e-8, high: 1e6 },
];

function economics({ price, btc, network, jth, rate }, { btc_per_block, blocks_per_day }) {
  const power = rate * jth; // TH/s times J/TH is W
  const kwhPerDay = (power * 24) / 1000;
  const revenue = ((rate * 1e12) / (network * 1e18)) * blocks_per_day * btc_per_block * btc;
  return { power, revenue, cost: kwhPerDay * price, profit: revenue - kwhPerDay * price, breakEven: revenue / kwhPerDay };
}

function inDollars(value) {
  return `${formatNumber(value)} USD`;
}

class Economics {
  constructor(form, defaults) {
    this.defaults = defaults;
    this.entries = {};
    this.ranges = {};
    for (const slider of SLIDERS) form.querySelector(".sliders").append(this.slider(slider));
    for (const id of ["price", "btc", "network"]) this.set(id, defaults[id]);
    const preset = form.querySelector("#preset");
    for (const machine of defaults.machines) {
      const text = machine.j_per_th === null ? `${machine.name} (power not known)` : machine.name;
      preset.append(new Option(text, "", machine.start, machine.start));
    }
    preset.addEventListener("change", () => this.begin(defaults.machines[preset.selectedIndex]));
    this.begin(defaults.machines[preset.selectedIndex]);
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  slider({ id, label, unit, low, high }) {
    const box = document.createElement("div");
    box.className = "slider";
    box.innerHTML = `<div class="head"><label for="${id}">${label}</label><span class="entry"><input id="${id}"
      type="number" step="any" min="0"><span>${unit}</span></span></div><input id="${id}-range" type="range" step="0.001"
      min="${Math.log10(low)}" max="${Math.log10(high)}" aria-label="${label}, logarithmic slider">`;
    [this.entries[id], this.ranges[id]] = box.querySelectorAll("input");
    this.entries[id].addEventListener("input", () => this.follow(id));
    this.ranges[id].addEventListener("input", () => this.set(id, Number((10 ** this.ranges[id].value).toPrecision(3))));
    return box;
  }

  set(id, value) {
    this.entries[id].value = Number(value.toPrecision(6));
    this.follow(id);
  }

  /** The range and the results follow what stands in the field of numbers. */
  follow(id) {
    const value = this.entries[id].valueAsNumber;
    this.entries[id].ariaInvalid = String(!(value > 0));
    if (value > 0) {
      this.ranges[id].value = Math.log10(value);
      this.ranges[id].setAttribute("aria-valuetext", `${formatNumber(value)} ${SLIDERS.find((s) => s.id === id).unit}`);
    }
    this.update();
  }

  begin({ hashrate_hs: hashrate, j_per_th: jPerTh }) {
    this.set("rate", hashrate / 1e12);
    this.set("jth", jPerTh ?? (this.entries.jth.valueAsNumber || 1));
  }

  update() {
    const values = Object.fromEntries(SLIDERS.map(({ id }) => [id, this.entries[id].valueAsNumber]));
    if (!Object.values(values).every((value) => value > 0)) {
      this.write({}, "Every value must be greater than zero.");
      return;
    }
    const found = economics(values, this.defaults);
    const price = `At ${formatNumber(values.price)} USD/kWh`;
    const limit = `${formatNumber(found.breakEven)} USD/kWh`;
    this.write(found, found.profit > 0
      ? `${price}, such a machine earns ${inDollars(found.profit)} per day. It pays as long as electricity costs less than `
        + `${limit}.`
      : `${price}, such a machine uses electricity for ${inDollars(found.cost)} per day to earn `
        + `${inDollars(found.revenue)}. It would pay only if electricity cost less than ${limit}.`);
  }

  write({ power, revenue, cost, profit, breakEven }, verdict) {
    const shown = {
      power: [power, (value) => formatQuantity(value, "W")], revenue: [revenue, inDollars], cost: [cost, inDollars], profit: [profit, inDollars],
      "break-even": [breakEven, (value) => `${formatNumber(value)} USD/kWh`],
    };
    for (const [id, [value, form]] of Object.entries(shown)) {
      const output = document.getElementById(id);
      output.textContent = value === undefined ? "–" : form(value);
      output.dataset.value = value ?? "";
    }
    document.getElementById("verdict").textContent = verdict;
  }
}
