// Backups: how old, how large, and whether one was ever restored.

import { h } from "./dom.js";
import { ago, count, sentence, size, stretch } from "./format.js";
import { stateIcon } from "./icons.js";

export const uses = ["backups", "now_us"];

const WORDS = { writing: "writing", bad: "bad", unproven: "not proven" };

export function view({ backups, now_us }) {
  if (backups === null) return [];
  const { kept, size_bytes, newest_us, last_drill_us, list } = backups;
  const newest = list.find(({ state, at_us }) => state !== "writing" && at_us === newest_us);
  return [
    h(
      "header",
      { class: "panel-head" },
      h("h2", null, "Backups"),
      h("span", { class: "end quiet" }, kept ? `${count(kept)} kept, ${size(size_bytes)}` : "none kept"),
    ),
    kept > 0 &&
      h(
        "dl",
        { class: "trio" },
        figure("Newest", newest_us === null ? "never" : stretch((now_us - newest_us) / 1e6), ago(newest_us, now_us)),
        figure("Its size", size(newest?.size_bytes)),
        figure(
          "Last drill",
          last_drill_us === null ? "never" : stretch((now_us - last_drill_us) / 1e6),
          ago(last_drill_us, now_us),
        ),
      ),
    list.length > 0
      ? h(
          "ul",
          { class: "entries" },
          list.map((backup, at) =>
            h(
              "li",
              { key: `${backup.name} ${backup.at_us} ${at}`, "data-state": backup.state },
              stateIcon(backup.state),
              h("b", null, backup.name),
              h(
                "span",
                { class: "end" },
                backup.state === "writing"
                  ? "writing"
                  : [backup.size_bytes === null ? (WORDS[backup.state] ?? "") : size(backup.size_bytes)],
              ),
              h("p", null, sentence(backup.sentence)),
            ),
          ),
        )
      : h("p", { class: "nothing" }, "No backup has been written yet; a fold writes one before its cut-over."),
  ];
}

const figure = (label, value, title) => h("div", null, h("dt", null, label), h("dd", { title: title ?? null }, value));
