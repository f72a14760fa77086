// The table of machines: which rows pass the filters, and the order of a column.

function wantedRows(form) {
  const fields = new FormData(form);
  const year = (name) => (fields.get(name) === "" ? null : Number(fields.get(name)));
  return {
    classes: new Set(fields.getAll("class")),
    maker: fields.get("maker"),
    since: year("since"),
    until: year("until"),
    text: fields.get("text").trim().toLowerCase(),
  };
}

/** Whether a row is shown; the reader's own measurements always are. */
function passes(row, wanted) {
  if (row.measured) return true;
  const year = row.shipped === null ? null : Number(row.shipped.slice(0, 4));
  return wanted.classes.has(row.class)
    && (wanted.maker === "" || row.maker === wanted.maker)
    && (wanted.since === null || (year !== null && year >= wanted.since))
    && (wanted.until === null || (year !== null && year <= wanted.until))
    && `${row.maker} ${row.name} ${row.chip}`.toLowerCase().includes(wanted.text);
}

function compareBy(key, sign) {
  return (a, b) => {
    if (a[key] === null || b[key] === null) return (a[key] === null) - (b[key] === null); // unknown comes last
    const [first, second] = [a[key], b[key]].map((value) => (typeof value === "string" ? value.toLowerCase() : value));
    return sign * ((first > second) - (first < second)); // letter by letter, as `hashjoule table --sort` does
  };
}

class Table {
  constructor(element, hint, rows) {
    this.body = element.tBodies[0];
    this.rows = rows;
    this.lines = new Map([...this.body.rows].map((line) => [Number(line.dataset.row), line]));
    this.headers = [...element.querySelectorAll("th:has([data-sort])")];
    for (const header of this.headers) {
      header.firstChild.addEventListener("click", () => {
        this.sort(header.firstChild.dataset.sort, header.ariaSort === "ascending" ? -1 : 1);
      });
    }
    const box = element.parentElement;
    new ResizeObserver(() => { hint.hidden = box.scrollWidth <= box.clientWidth; }).observe(box);
  }

  sort(key, sign) {
    const order = [...this.rows.keys()].sort((a, b) => compareBy(key, sign)(this.rows[a], this.rows[b]));
    this.body.append(...order.map((index) => this.lines.get(index)));
    for (const header of this.headers) {
      header.ariaSort = header.firstChild.dataset.sort !== key ? null : sign > 0 ? "ascending" : "descending";
    }
  }

  show(shown) {
    for (const [index, line] of this.lines) line.hidden = !shown.has(index);
  }
}
