// Numbers as hashjoule.report.numbers writes them: three significant digits, commas in thousands, units that suit.

const LARGE = [[1e12, "trillion"], [1e9, "billion"], [1e6, "million"]];
const UNITS = {
  W: [[1e9, "GW"], [1e6, "MW"], [1e3, "kW"], [1, "W"], [1e-3, "mW"]],
  "H/s": [[1e21, "ZH/s"], [1e18, "EH/s"], [1e15, "PH/s"], [1e12, "TH/s"], [1e9, "GH/s"], [1e6, "MH/s"], [1e3, "kH/s"],
    [1, "H/s"]],
};

/** A number with that many significant digits: 9.45, 0.00350, 4,490, 28.6 million. */
function formatNumber(value, digits = 3) {
  const rounded = Number(value.toPrecision(digits));
  const [size, word] = LARGE.find(([least]) => Math.abs(rounded) >= least) ?? [1, ""];
  return `${plainNumber(rounded / size, digits)} ${word}`.trim();
}

function plainNumber(value, digits) {
  if (value === 0) return "0";
  const decimals = Math.max(0, digits - 1 - Number(value.toExponential().split("e")[1]));
  return value.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** A power or a hash rate with the unit that suits it: 3.66 kW, 886 TH/s. */
function formatQuantity(value, unit, digits = 3) {
  const rounded = Number(value.toPrecision(digits));
  const [size, name] = UNITS[unit].find(([least]) => Math.abs(rounded) >= least) ?? UNITS[unit].at(-1);
  return `${formatNumber(rounded / size, digits)} ${name}`;
}

/** The number at a grid line, as short as it can be: 10, 100,000, 10 million, 1 kW; 100K and 10M where room is short. */
function formatTick(value, unit, narrow = false) {
  if (unit === "" && narrow) return value.toLocaleString("en", { notation: "compact" });
  const [size, name] = (unit === "" ? LARGE : UNITS[unit]).find(([least]) => value >= least) ?? [1, unit];
  return `${(value / size).toLocaleString("en", { maximumSignificantDigits: 10 })} ${name}`.trim();
}
