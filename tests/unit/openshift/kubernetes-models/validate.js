// Standard input: a list of objects in JSON. Standard output: a list of what is wrong about each, "" = nothing.
import { readFileSync } from "node:fs";
import { Deployment } from "kubernetes-models/apps/v1";
import { Pod } from "kubernetes-models/v1";

const models = { Deployment, Pod };

function wrong(object) {
  const model = models[object.kind];
  if (!model) return `no model of ${object.kind}`;
  try {
    new model(object).validate();
    return "";
  } catch (error) {
    return `${error}`;
  }
}

process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(wrong)));
