// A page with one chart.

const data = JSON.parse(document.getElementById("data").textContent);
startTheme(document.getElementById("theme"));
connectZoom(new Chart(document.getElementById("chart"), document.getElementById("tip"), data.rows, data));
drawSamples();
