"""Which ids the lab's user namespace maps, by what its starter may do."""

from netlab.process.usernamespace import IdMaps, plan_id_maps

WHOLE = "         0          0 4294967295\n"
MAPPING = 1 << 6 | 1 << 7 | 1 << 31


def test_root_keeps_all_ids() -> None:
    """With the capabilities to map ids every id stays what it is."""
    expected = IdMaps("0 0 4294967295\n", "0 0 4294967295\n", ranged=True)
    assert plan_id_maps(WHOLE, WHOLE, MAPPING, (0, 0)) == expected


def test_a_user_becomes_the_one_id_there_is() -> None:
    """Without capabilities the user's own id is mapped, to that of the pods."""
    expected = IdMaps("65534 1000 1\n", "65534 100 1\n", ranged=False)
    assert plan_id_maps(WHOLE, WHOLE, 0, (1000, 100)) == expected


def test_root_without_setfcap_is_treated_as_a_user() -> None:
    """Since Linux 5.12 mapping id 0 needs CAP_SETFCAP as well."""
    assert not plan_id_maps(WHOLE, WHOLE, MAPPING & ~(1 << 31), (0, 0)).ranged


def test_a_namespace_without_the_pods_id_offers_one_id() -> None:
    """Root of a namespace that maps a single id cannot give pods another one."""
    single = "0 1000 1\n"
    assert not plan_id_maps(single, single, MAPPING, (0, 0)).ranged


def test_several_extents_are_kept() -> None:
    """The map of a rootless container, two extents, is passed on as it is."""
    nested = "0 1000 1\n1 100000 65536\n"
    maps = plan_id_maps(nested, nested, MAPPING, (0, 0))
    assert maps.uid_map == "0 0 1\n1 1 65536\n"
