// Writes cn.yaml from the npm package chinese-days:
//
//   npm install --no-save --prefix /tmp/cn chinese-days
//   node config/calendars/make-cn.mjs /tmp/cn/node_modules/chinese-days > cn.yaml
//
// Once a year, when the State Council has announced the next one (usually in November) and the
// package has it. The years between the package's first and last must all be there.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const folder = process.argv[2];
if (!folder) {
    console.error("usage: node make-cn.mjs FOLDER-OF-CHINESE-DAYS > cn.yaml");
    process.exit(64);
}
const read = (...path) => JSON.parse(readFileSync(join(folder, ...path), "utf8"));
const about = read("package.json");
const { holidays, workdays } = read("dist", "chinese-days.json");
const DAY = 86400000;
const text = (day) => new Date(day * DAY).toISOString().slice(0, 10);

function days_of(table) {
    return Object.keys(table)
        .map((date) => {
            const day = Date.parse(date) / DAY;
            if (text(day) !== date) throw new Error(`no date: ${date}`);
            return [day, table[date].split(",")[1]];
        })
        .sort((a, b) => a[0] - b[0]);
}

// Days in a row of one holiday become one range.
function lines(days) {
    const ranges = [];
    for (const [day, name] of days) {
        const last = ranges.at(-1);
        if (last && last.name === name && last.to + 1 === day) last.to = day;
        else ranges.push({ name, from: day, to: day });
    }
    return ranges.map(({ name, from, to }) =>
        `  - ${text(from)}${to > from ? `..${text(to)}` : ""}  # ${name}`);
}

for (const date in workdays)
    if (date in holidays) throw new Error(`both a holiday and a workday: ${date}`);
const years = Object.keys(holidays).map((date) => Number(date.slice(0, 4)));
const [first, last] = [Math.min(...years), Math.max(...years)];
for (let year = first; year <= last; year++)
    if (!years.includes(year)) throw new Error(`no holidays in ${year}`);

console.log(`# Made by make-cn.mjs. For a later year: make it again, or keep a calendars/cn.yaml of your own
# beside the service file.
calendar: cn
title: 中国大陆法定节假日与调休
source: npm package ${about.name} ${about.version}, after the yearly notices of the State Council
licence: ${about.license}
date: ${new Date().toISOString().slice(0, 10)}
covers: ${first}-01-01..${last}-12-31
holidays:
${lines(days_of(holidays)).join("\n")}
workdays: # Saturdays and Sundays that make up for them
${lines(days_of(workdays)).join("\n")}`);
