"""Extract Terraform provider schema (the shape of `terraform providers schema -json`)
from the JavaScript of a cdktn/cdktf "prebuilt provider" wheel (jsii tgz inside the wheel)."""

import io, json, re, sys, tarfile, zipfile

RESOURCES = """dynamodb_table dynamodb_table_item lambda_function lambda_permission lambda_alias
lambda_event_source_mapping lambda_layer_version cloudwatch_event_rule cloudwatch_event_target cloudwatch_event_bus
sfn_state_machine iam_role iam_policy iam_role_policy iam_role_policy_attachment sns_topic sns_topic_policy
sns_topic_subscription sqs_queue sqs_queue_policy cloudwatch_log_group cloudwatch_log_resource_policy
cloudwatch_log_metric_filter cloudwatch_metric_alarm cloudwatch_dashboard kms_key kms_alias
sagemaker_model_package_group sagemaker_model_package_group_policy s3_bucket s3_bucket_versioning
s3_bucket_server_side_encryption_configuration s3_bucket_public_access_block s3_bucket_policy
s3_bucket_ownership_controls s3_bucket_lifecycle_configuration s3_object s3_bucket_notification
scheduler_schedule scheduler_schedule_group cloudwatch_event_permission sns_topic_data_protection_policy glue_job lambda_function_event_invoke_config resourcegroups_group""".split()
DATA = "ssm_parameter lambda_layer_version caller_identity partition region iam_policy_document s3_bucket kms_alias".split()

FLAG = re.compile(r"^    // (\w+) - computed: (true|false), optional: (true|false), required: (true|false)$")
PRIM = {"String": "string", "Number": "number", "Boolean": "bool"}


def flags(c, o, r):
    d = {}
    if r == "true":
        d["required"] = True
    if o == "true":
        d["optional"] = True
    if c == "true":
        d["computed"] = True
    return d


class Module:
    def __init__(self, js):
        self.classes = {}
        for m in re.finditer(r"^class (\w+) extends cdktn\.(\w+) \{\n(.*?)^\}\n", js, re.M | re.S):
            self.classes[m[1]] = (m[2], m[3])
        # per struct: attr -> (isBlock, type, storageClassType) from the HCL synthesisers
        self.hcl = {}
        for m in re.finditer(r"^function (\w+)ToHclTerraform\(struct\) \{\n(.*?)^\}\n", js, re.M | re.S):
            self.hcl[m[1].lower()] = self._attrs(m[2])
        self.main = next(
            k
            for k, (base, _) in self.classes.items()
            if base in ("TerraformResource", "TerraformDataSource", "TerraformProvider")
        )
        self.hcl[self.main.lower()] = self._attrs(self.classes[self.main][1])

    @staticmethod
    def _attrs(body):
        return {
            m[1]: (m[2] == "true", m[3], m[4])
            for m in re.finditer(
                r'^ +(\w+): \{\n +value: .*\n +isBlock: (true|false),\n +type: "(\w+)",\n +storageClassType: "(\w+)",',
                body,
                re.M,
            )
        }

    def block(self, cls):
        base, body = self.classes[cls]
        stem = cls[: -len("OutputReference")] if cls.endswith("OutputReference") else cls
        hcl = self.hcl.get(stem.lower(), {})
        lines = body.split("\n")
        attrs, blocks = {}, {}
        for i, ln in enumerate(lines):
            m = FLAG.match(ln)
            if not m:
                continue
            name, f = m[1], flags(*m.groups()[1:])
            text = "\n".join(lines[i + 1 : i + 6])
            nested = re.search(
                r"= new (\w+)\(this, \"%s\"(?:, (true|false))?\)" % name, text.split("\n    // ")[0]
            )
            h = hcl.get(name)
            if nested:
                ncls, wraps_set = nested[1], nested[2] == "true"
                nbase = self.classes[ncls][0]
                if nbase == "ComplexList":
                    inner, mode, single = ncls[:-4] + "OutputReference", "set" if wraps_set else "list", False
                elif nbase == "ComplexMap":
                    inner, mode, single = ncls[:-3] + "OutputReference", "map", False
                else:
                    inner, mode, single = ncls, None, True
                sub = self.block(inner)
                if h is None or f == {"computed": True}:  # computed only: attribute of object type
                    t = obj_type(sub)
                    attrs[name] = {"type": t if mode is None else [mode, t], **f}
                elif f.get("computed"):  # SDKv2 "attributes as blocks"
                    attrs[name] = {
                        "type": [h[1] if h[1] in ("list", "set") else mode or "list", obj_type(sub)],
                        **f,
                    }
                else:
                    b = {"nesting_mode": {"struct": "single"}.get(h[1], h[1]), "block": sub}
                    if f.get("required"):
                        b["min_items"] = 1
                    if single and b["nesting_mode"] != "single":
                        b["max_items"] = 1
                    blocks[name] = b
                continue
            if h and h[0] and base == "TerraformProvider":  # provider blocks have no reference classes
                fn = re.search(
                    r"^ +%s: \{\n +value: (?:cdktn\.listMapperHcl\()?(\w+)ToHclTerraform" % name, body, re.M
                )[1].lower()
                blocks[name] = {
                    "nesting_mode": h[1],
                    "block": {
                        "attributes": {
                            k: {"type": self.attr_type(k, "", a), "optional": True}
                            for k, a in self.hcl[fn].items()
                        }
                    },
                }
                if "listMapperHcl(" + fn not in body.lower():
                    blocks[name]["max_items"] = 1
                continue
            attrs[name] = {"type": self.attr_type(name, text, h), **f}
        out = {"attributes": attrs}
        if blocks:
            out["block_types"] = blocks
        return out

    def attr_type(self, name, text, h):
        g = re.search(r"get \w+\(\) \{\n\s+return (.*);", text)
        expr = g[1] if g else ""
        m = re.search(r"this\.get(String|Number|Boolean)(Map|List)?Attribute\(", expr)
        if m:
            p = PRIM[m[1]]
            if not m[2]:
                return p
            if m[2] == "Map":
                return ["map", p]
            return ["set" if "Fn.tolist" in expr or (h and h[1] == "set") else "list", p]
        if "getListAttribute(" in expr:
            return ["set" if "Fn.tolist" in expr or (h and h[1] == "set") else "list", "string"]
        m = re.search(r"getNumberListAttribute", expr)
        if m:
            return ["set" if "Fn.tolist" in expr else "list", "number"]
        if h:  # e.g. getAnyMap / interpolationForAttribute / provider properties
            sc = h[2]
            if h[1] == "simple":
                return {"string": "string", "number": "number", "boolean": "bool"}.get(sc, "dynamic")
            for suf, mode in (("ListList", "list"), ("List", h[1]), ("Map", "map")):
                if sc.endswith(suf):
                    inner = {"string": "string", "number": "number", "boolean": "bool"}.get(
                        sc[: -len(suf)], "dynamic"
                    )
                    return [h[1] if mode != "map" else "map", ["list", inner] if suf == "ListList" else inner]
        return "dynamic"


def obj_type(block):
    t = {k: v["type"] for k, v in block.get("attributes", {}).items()}
    for k, b in block.get("block_types", {}).items():
        o = obj_type(b["block"])
        t[k] = o if b["nesting_mode"] == "single" else [b["nesting_mode"], o]
    return ["object", t]


def main(wheel, out):
    z = zipfile.ZipFile(wheel)
    tgz = next(n for n in z.namelist() if n.endswith(".jsii.tgz"))
    want = {}
    for r in RESOURCES:
        want[f"package/lib/{r.replace('_', '-')}/index.js"] = ("resource_schemas", "aws_" + r)
    for d in DATA:
        want[f"package/lib/data-aws-{d.replace('_', '-')}/index.js"] = ("data_source_schemas", "aws_" + d)
    want["package/lib/provider/index.js"] = ("provider", "aws")
    prov = {"resource_schemas": {}, "data_source_schemas": {}}
    version = None
    with tarfile.open(fileobj=io.BytesIO(z.read(tgz))) as t:
        for member in t:
            if member.name not in want:
                continue
            kind, name = want.pop(member.name)
            js = t.extractfile(member).read().decode()
            version = version or re.search(r"providerVersion: '([\d.]+)'", js)[1]
            mod = Module(re.sub(r"^//#.*$", "", js, flags=re.M))
            s = {"version": 0, "block": mod.block(mod.main)}
            if kind == "provider":
                prov["provider"] = s
            else:
                prov[kind][name] = s
    for missing in want.values():
        print("missing", missing, file=sys.stderr)
    for k in ("resource_schemas", "data_source_schemas"):
        prov[k] = dict(sorted(prov[k].items()))
    doc = {
        "format_version": "1.0",
        "source": {"package": wheel.rsplit("/", 1)[-1], "provider_version": version},
        "provider_schemas": {"registry.terraform.io/hashicorp/aws": prov},
    }
    json.dump(doc, open(out, "w"), indent=1, sort_keys=False)
    print(version, len(prov["resource_schemas"]), len(prov["data_source_schemas"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
