"""Understand: the word lists of the name detector.  Own lists, in lower case; no rule stands here.

Cues are words that a name stands beside; the other lists say what is, or is not, likely to be a name.

They trade recall for precision: a given name that is also a well-known place (Florence, Paris, Sofia,
Victoria) is left out, so that a question about a place is not taken for one about a person.
"""

from __future__ import annotations


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


GIVEN_NAMES = words("""
    aaron abigail ada adam adrian agnes ahmed aisha alan albert alejandro alex alexander alice alicia amelia
    amina amir amy ana anders andre andrea andreas andrew angela anita anja ann anna anne annika anton antonio
    arjun arne astrid barbara ben benjamin bernd bianca bjorn bjørn björn bob brian camilla carla carlos carmen
    caroline catherine cecilia charles chen chloe chris christian christina christine christopher claire clara
    claudia daniel daniela david deborah deepak diana diego dmitri dorothy edith edward elena eli elias elin
    elizabeth ella ellen emil emilia emily emma eric erik erika eva fatima felix fiona francesca francesco
    francois frank fredrik frida gabriel gabriela george gerhard giulia grace greta guillermo gunnar gustav
    hanna hannah hans harry hassan heidi helen helena helga henrik henry hiroshi hugo ibrahim ida igor ines
    ingrid irene isabel isabella ivan jack jacob james jan jane janet javier jean jennifer jens jessica jim joan
    joanna johan johanna john jon jonas jorge jose joseph joshua juan julia julian julie karen karim karin karl
    kate katherine kathrin katarina kenji kevin khalid klaus kristian kristin kristina lars laura lea leila lena
    leo leon leonard lily linda linnea lisa liv lucas lucia lucy luis luisa lukas magnus malin manuel marco
    margaret maria marie marit mark markus marta martha martin martina mary mateo matthew max maya mehmet mei
    mia michael michelle miguel mikael mohamed mohammed monica monika muhammad nadia naomi natalia natalie nicole
    niklas nikolai nils nina noah nora oliver olivia omar oscar otto pablo patricia patrick paul paula pedro per
    peter petra philip pierre piotr priya rachel rahul raj ravi rebecca richard rita robert roberto rosa rose
    ruth sam samuel sandra sanjay sara sarah sebastian sergei shreya sigrid silvia simon simone sophia sophie
    stefan stella stephen steve sunita susan susanne sven takeshi tanja teresa theo theodor theresa thomas tim
    tobias tom tomas tove ulrich ulrika ursula valentina vanessa vera veronica viktor vikram vincent vladimir
    walter wei werner wilhelm william wolfgang xavier yasmin yolanda yuki yusuf zara zoe åsa øyvind
""")

# A capitalised word beside one of these is part of a place, a building or a work.
PLACE_NOUNS = words("""
    abbey academy airport alley aqueduct arch archive arena avenue basilica bay beach boulevard bridge building
    campus canal canyon capitol castle cathedral cave cemetery center central centre chapel church circus citadel
    city clock coast college colosseum column concert convent corner cottage court courthouse dam district dome
    embankment embassy estate factory falls farm ferry festival field forest fort fortress forum fountain gallery
    garden gardens gate grave hall harbor harbour hall heights hill hospital hotel house inn island isle kirk lake
    lane library lighthouse mansion market mausoleum memorial metro mill minaret minster monastery monument
    mosque mount mountain mountains museum observatory obelisk ocean opera pagoda palace park pass path pavilion
    peak peninsula pier pillar place plaza point port prison pub pyramid pyramids quarter quay railway ranch
    restaurant river road rock ruins school sculpture sea shrine skyscraper spire square stadium station statue
    stock store street street stupa suite synagogue temple terminal theater theatre tomb tower towers town trail
    tram tree tunnel university valley viaduct view villa village wall walls waterfall way well wharf windmill
    wing zoo institute foundation bank company academy line dom kirche platz schloss turm tor rathaus museet
    kirke slott torg gamla plass huset duomo palazzo
    piazza ponte porta torre castello fontana santa santo san saint st sankt notre dame sacré cœur arc pont tour
    château place rue la le el los las iglesia catedral alcázar sagrada casa puerta big ben taj mahal angkor wat
    machu picchu hagia golden great grand royal national old new north south east west upper lower holy central
    mont monte cape lady sir lord king queen prince princess emperor pope empire
""")

# Well-known places of one word, peoples, months, days, firms: capitalised, and nobody's name.
NOT_PEOPLE = words("""
    africa america argentina asia australia austria belgium brazil britain canada chile china colombia croatia
    cuba cyprus czechia denmark egypt england estonia ethiopia europe finland france germany ghana greece hungary
    iceland india indonesia iran iraq ireland israel italy japan kenya korea latvia lebanon lithuania luxembourg
    malaysia malta mexico monaco morocco nepal netherlands nigeria norway pakistan panama peru philippines poland
    portugal romania russia scotland serbia singapore slovakia slovenia spain sweden switzerland syria taiwan
    thailand tunisia turkey ukraine uruguay venezuela vietnam wales
    amsterdam ankara athens auckland baghdad bangkok barcelona beijing beirut belgrade bergen berlin bern bogotá
    bologna boston brooklyn bruges brussels bucharest budapest cairo calcutta cambridge cannes capri casablanca
    chicago cologne copenhagen dallas delhi denver dhaka doha dresden dubai dublin edinburgh florence frankfurt
    gdansk geneva genoa glasgow gothenburg granada hamburg hanoi havana helsinki houston istanbul jaipur jakarta
    jerusalem kathmandu kolkata krakow kraków kyiv kyoto lagos lima lisbon liverpool ljubljana london lyon madrid
    malmö manchester manhattan marrakech marseille melbourne memphis miami milan moscow mumbai munich nairobi
    naples nice nuremberg osaka oslo oxford paris petersburg philadelphia phoenix pisa pompeii porto prague
    quebec reykjavik riga rio rome rotterdam salzburg santiago seattle seoul seville shanghai sicily siena sofia
    stavanger stockholm strasbourg sydney tallinn tbilisi tehran tokyo toledo toronto trondheim tunis turin
    tuscany uppsala utrecht valencia venice verona victoria vienna vilnius warsaw washington york zagreb zurich
    acropolis alhambra alps amazon andes arctic atlantic baltic bosphorus broadway buckingham colosseum danube
    eiffel everest fuji himalayas kremlin louvre louvre mediterranean mississippi neuschwanstein niagara nile
    pacific pantheon parthenon rhine sahara seine stonehenge thames versailles vatican vesuvius westminster
    african american arab arabic asian australian austrian brazilian british bulgarian chinese czech danish dutch
    egyptian english european finnish french german greek hindi hungarian indian irish italian japanese jewish
    korean latin mexican moorish nordic norwegian ottoman persian polish portuguese roman romanesque russian
    scottish spanish swedish swiss turkish victorian viking
    baroque bauhaus byzantine christian catholic gothic islamic buddhist hindu muslim protestant renaissance
    january february march april may june july august september october november december
    monday tuesday wednesday thursday friday saturday sunday christmas easter
    airbnb alexa amazon android apple facebook google ikea instagram internet meta microsoft netflix siri spotify
    starbucks uber unesco whatsapp wikipedia youtube
    dad daddy god grandma grandpa mom mommy mum mummy police reception
""")

# Capitalised for their place in a sentence, or always, and never part of a name.
PLAIN = words("""
    i i'm i've i'd i'll ok please thanks what where when why who how is are was were can could do does did will
    would should tell show take this that these those the a an and or but if it it's my we you he she they there
    here mr mrs ms dr prof also then
""")

# --- cues ---------------------------------------------------------------------------------------------
ADDRESS = words("call text email e-mail mail message phone ring ping notify invite remind tell ask dear hi hello hey")
RELATION = words("""
    friend brother sister son daughter wife husband partner colleague boss neighbour neighbor cousin uncle aunt
    mother father girlfriend boyfriend doctor teacher roommate nephew niece mr mrs ms dr
""")
MESSAGE = words("message letter mail email text call gift present postcard reply note")
COMPARED = words("compare compared compares begin begins start starts filled covered built made decorated connected")
AFTER_WITH = words("and at in on here now today tonight tomorrow yesterday we i")
# After these, two names are a public figure's: part of a question about a building.
PUBLIC = words("""
    by about architect sculptor painter president artist designer engineer composer author writer poet explorer
    after of who was did is are were called emperor
""")
# "my name is on the list"
NOT_A_NAME = words("a an the on in not no at written spelled listed there here so too what this that")
ABBREVIATED = words("mr mrs ms dr st prof")
