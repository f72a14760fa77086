// Start: theme, filters, chart, sliders, downloads.

function embedded(id) {
  return document.getElementById(id).textContent;
}

function startTheme(button) {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
  const name = () => { button.textContent = dark() ? "Light theme" : "Dark theme"; };
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    name();
  });
  system.addEventListener("change", name);
  name();
}

function startField(data) {
  const form = document.getElementById("filters");
  const table = new Table(document.getElementById("machines"), data.rows);
  const chart = new Chart(document.getElementById("chart"), document.getElementById("tip"), data);
  const filter = () => {
    const wanted = wantedRows(form);
    const shown = new Set([...data.rows.keys()].filter((index) => passes(data.rows[index], wanted)));
    table.show(shown);
    chart.show(shown);
    document.getElementById("count").textContent = `${shown.size} of ${data.rows.length} rows`;
  };
  for (const mark of form.querySelectorAll("[data-mark]")) mark.setAttribute("d", MARKS[mark.dataset.mark]);
  form.addEventListener("input", filter);
  form.addEventListener("reset", () => setTimeout(filter)); // after the fields are back
  form.addEventListener("submit", (event) => event.preventDefault());
  const zooms = { in: () => chart.zoom(0.6), out: () => chart.zoom(1 / 0.6), home: () => chart.reset() };
  for (const button of document.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", zooms[button.dataset.zoom]);
  }
  filter();
}

function startDownloads() {
  for (const button of document.querySelectorAll("[data-download]")) {
    button.addEventListener("click", () => {
      const blob = new Blob([`${embedded(button.dataset.download)}\n`], { type: "application/json" });
      const link = Object.assign(document.createElement("a"), {
        href: URL.createObjectURL(blob), download: button.dataset.file,
      });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    });
  }
}

const pageData = JSON.parse(embedded("data"));
startTheme(document.getElementById("theme"));
startField(pageData);
startDownloads();
new Economics(document.getElementById("sliders"), pageData.economics);
