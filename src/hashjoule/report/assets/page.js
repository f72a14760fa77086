// Start of the page: theme, filters, chart, sliders, downloads.

function embedded(id) {
  return document.getElementById(id).textContent;
}

function startMachines(data) {
  const form = document.getElementById("filters");
  const table = new Table(document.getElementById("machines"), document.getElementById("table-hint"), data.rows);
  const chart = new Chart(document.getElementById("chart"), document.getElementById("tip"), data.rows, data);
  const filter = () => {
    const wanted = wantedRows(form);
    const shown = new Set([...data.rows.keys()].filter((index) => passes(data.rows[index], wanted)));
    table.show(shown);
    chart.show(shown);
    document.getElementById("count").textContent = `${shown.size} of ${data.rows.length} machines`;
  };
  drawSamples();
  form.addEventListener("input", filter);
  form.addEventListener("reset", () => setTimeout(filter)); // after the fields are back
  form.addEventListener("submit", (event) => event.preventDefault());
  connectZoom(chart);
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
startMachines(pageData);
startDownloads();
new Economics(document.getElementById("sliders"), pageData.economics);
